"""What a target is: how it is configured, what it can show, what it gives back and what it may raise."""

from dataclasses import dataclass
from typing import Literal, Protocol, TextIO
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.config.values import Name, Settings
from bot.http import Http
from storage.records import DeliveryKind


class TargetSettings(Settings):
    """The keys that every `[[targets]]` entry may have; each kind adds its own."""

    name: Name
    kind: str
    health: bool = False  # True: also hears when a source breaks, recovers, or a target is parked

    def addresses(self) -> tuple[str, ...]:
        """The URLs that the user wrote or implied: hosts that a private-address permission may cover."""
        return ()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a target may use. `zone` is the second time zone that alerts show beside UTC."""

    http: Http
    clock: Clock
    zone: ZoneInfo
    stdout: TextIO
    colour: bool


@dataclass(frozen=True, slots=True)
class Shows:
    """What a target can show, so that render can fit a message to it.

    `units` is the greatest length in UTF-16 code units, None where there is no limit.
    """

    form: Literal["text", "html", "ansi", "json"]
    units: int | None = None
    replies: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One rendered delivery. `id` never changes over retries; `plain` is the same words without markup."""

    id: str
    kind: DeliveryKind
    text: str
    plain: str
    document: dict[str, object]
    priority: str = "default"
    reply_to: str | None = None  # receipt of the first message about the post, where `Shows.replies`


class Target(Protocol):
    """Somewhere a person hears of an alert.

    `send` returns a receipt (text, at most 1,000 characters; None where there is none) and raises only `Later`
    (`unsure=True` if the message may have arrived, `obey=True` with the time that the target asked for) and `Never`.
    """

    settings: TargetSettings
    shows: Shows
    idempotent: bool  # True: a repeat under the same message id is absorbed by the receiver

    async def send(self, message: Message) -> str | None:
        """Hand the message over; returning means that the target has accepted it."""
        ...
