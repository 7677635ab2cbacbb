"""A claimed delivery, and what became of it."""

from typing import Literal

from storage.frozen import dataclass
from storage.records import DeliveryRow


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a claimed delivery.

    `not_before` is when a pending one may be tried again. `attempts` is the new count of attempts, and `unanswered` of
    those of them after which nobody knew whether the message had arrived. `possible_repeat`: an attempt may have.
    `receipt` is what the target gave back, also of a message that some of its people do not have yet; None keeps it.
    """

    state: Literal["sent", "pending", "dead"]
    attempts: int
    unanswered: int = 0
    possible_repeat: bool = False
    not_before: int = 0
    reason: str | None = None
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in state "sending"; `unanswered` counts its earlier attempts with an unknown outcome.

    `about` are the posts and events that its message could refer to; without any, nothing else is under way beside it.
    """

    row: DeliveryRow
    unanswered: int
    about: frozenset[int] = frozenset()
