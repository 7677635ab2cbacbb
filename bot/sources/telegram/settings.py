"""The keys of a `[[sources]]` entry of kind "telegram"."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator

from bot.contracts.settings import Duration
from bot.contracts.source import RECHECK, SourceSettings
from bot.http.masking import mask_address
from bot.telegram.channel_names import ChannelName, is_same_channel, read_channel_name

FALLBACK = "telegram_web"
SITE = "https://t.me"


def _channel(value: object) -> str:
    """Keep what was written, if it names a channel."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("expected a name or a number")  # noqa: TRY004 - pydantic reports ValueErrors
    read_channel_name(value)
    return str(value).strip()


def _site(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError(f'expected an address such as "https://t.me", got {mask_address(value)!r}')
    return value.rstrip("/")


class Settings(SourceSettings):
    """A channel as the account sees it.

    `mode`: "push" hears at once what a joined channel posts; "short" asks a channel that is not joined every second or
    so (at most ten sources); "history" asks every `every`; "auto" is push where the account has joined, else history.
    `live` False: only the interval counts. `fallback` "none": without the account nothing is collected.
    """

    reads_with_account: ClassVar[bool] = True

    channel: Annotated[str, BeforeValidator(_channel)]
    account: str | None = None  # of [[telegram.accounts]]; None: public channels are spread over all of them
    live: bool = True
    mode: Literal["auto", "push", "short", "history"] = "auto"
    fallback: Literal["telegram_web", "none"] = "telegram_web"
    base_url: Annotated[str, AfterValidator(_site)] = SITE  # of the public pages
    recheck: tuple[Duration, ...] = RECHECK

    @property
    def wanted(self) -> ChannelName:
        """The channel that is meant."""
        return read_channel_name(self.channel)

    def reads(self) -> str:
        """The page that others read the channel from, if it has a name: then both read the same."""
        handle = self.wanted.handle
        return (f"{self.base_url}/s/{handle}" if handle else self.channel).casefold()

    def handle(self) -> str | None:
        """The name of its channel, where the config gives it."""
        return self.wanted.handle

    def is_meant_by(self, written: str) -> bool:
        """Whether this is a name of its channel, or a link to it or to a post of it."""
        return is_same_channel(written, self.channel)

    def addresses(self) -> tuple[str, ...]:
        """The public pages of the fallback; only their site if the channel is not given by name."""
        if self.fallback != FALLBACK:
            return ()
        handle = self.wanted.handle
        return (f"{self.base_url}/s/{handle}" if handle else self.base_url,)
