"""What a target is: how it is configured, what it can show, what it gives back and what it may raise."""

from dataclasses import dataclass
from typing import Protocol, TextIO
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.contracts.message import Message, Shows
from bot.contracts.settings import Name, Settings
from bot.errors import Never
from bot.http import Http

__all__ = ["Message", "MessageRefused", "Shows", "Target", "TargetSettings", "TargetTools"]


class TargetSettings(Settings):
    """The keys that every `[[targets]]` entry may have; each kind adds its own."""

    name: Name
    kind: str
    health: bool = False  # True: also gets a message if a source fails or recovers, or a target is suspended

    def warnings(self) -> tuple[tuple[str, str], ...]:
        """What is allowed but looks wrong: (key, sentence)."""
        return ()

    def addresses(self) -> tuple[str, ...]:
        """The URLs that the user wrote or implied: hosts that a private-address permission may cover."""
        return ()


@dataclass(frozen=True, slots=True)
class TargetTools:
    """What a target may use. `zone` is the second time zone that alerts show beside UTC."""

    http: Http
    clock: Clock
    zone: ZoneInfo
    stdout: TextIO
    colour: bool
    proxied: bool = False  # True: [http] proxy is set, so nothing may leave past `http`


class MessageRefused(Never):
    """This one message will never be accepted; the target itself works. Any other `Never` suspends the target."""


class Target(Protocol):
    """Somewhere alerts are sent to.

    `send` returns a receipt (text, at most 1,000 characters; None where there is none) and raises only `Later`
    (`unsure=True` if the message may have arrived, `obey=True` with the time that the target asked for),
    `MessageRefused` for this message and `Never` for the target.
    """

    settings: TargetSettings
    shows: Shows
    idempotent: bool  # True: a repeat under the same message id is absorbed by the receiver
    account: str | None  # a wait that one target asks for holds for all with the same account; None: for it alone

    async def ready(self) -> None:
        """Wait until the target's rate limit allows one more message; called before a delivery is claimed."""
        ...

    async def send(self, message: Message) -> str | None:
        """Hand the message over; returning means that the target has accepted it."""
        ...
