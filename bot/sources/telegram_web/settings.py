"""The keys of a `[[sources]]` entry of kind "telegram_web"."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from bot.contracts.settings import Duration
from bot.contracts.source import RECHECK, SourceSettings
from bot.http.masking import mask_address
from bot.telegram.channel_names import NotAChannelError, is_same_channel, read_channel_name

_INVITATION = re.compile(r"t(?:elegram)?\.me/(?:\+|joinchat\b)|^tg:.*\bjoin\b", re.IGNORECASE)
_NEEDS_ACCOUNT = {
    "invite": "an invitation leads to a private channel, which has no public page: an account that has joined it can "
    'read it (kind = "telegram")',
    "id": 'only an account can find a channel by its number: write its public name, or kind = "telegram"',
}


def channel_name(value: str) -> str:
    """The bare name in "name", "@name", "https://t.me/name" and every other link to it."""
    try:
        channel = read_channel_name(value)
    except NotAChannelError:
        raise
    except ValueError:
        channel = None
        if _INVITATION.search(value):  # however much of it was copied
            raise ValueError(_NEEDS_ACCOUNT["invite"]) from None
    if channel is not None and channel.handle is None:
        raise ValueError(_NEEDS_ACCOUNT[channel.kind])
    if channel is None or channel.handle is None:
        raise ValueError(
            "expected a public channel's name such as "
            f'"example_channel" or "https://t.me/example_channel" (4 to 32 letters, digits, underscores), got {value!r}'
        )
    return channel.handle


def _site(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f'expected an address such as "https://t.me", got {mask_address(value)!r}')
    return value.rstrip("/")


class Settings(SourceSettings):
    """A public channel with its web preview switched on."""

    channel: Annotated[str, AfterValidator(channel_name)]
    base_url: Annotated[str, AfterValidator(_site)] = "https://t.me"
    recheck: tuple[Duration, ...] = RECHECK

    def handle(self) -> str | None:
        """The name of its channel."""
        return self.channel

    def is_meant_by(self, written: str) -> bool:
        """Whether this is a name of its channel, or a link to it or to a post of it."""
        return is_same_channel(written, self.channel)

    def addresses(self) -> tuple[str, ...]:
        return (f"{self.base_url}/s/{self.channel}",)
