"""PURE: what a target can show, and one message fitted to it."""

from dataclasses import dataclass
from typing import Literal

from storage.records import DeliveryKind


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
