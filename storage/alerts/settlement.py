"""A claimed delivery, and what became of it."""

from dataclasses import dataclass
from typing import Literal

from storage.records import DeliveryRow


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a claimed delivery.

    `not_before` is when a pending one may be tried again. `attempts` and `unsure` are the new counts of attempts and
    of attempts with an unknown outcome.
    """

    state: Literal["sent", "pending", "dead"]
    attempts: int
    unsure: int = 0
    not_before: int = 0
    reason: str | None = None
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in state "sending"; `unsure` counts its earlier attempts with an unknown outcome."""

    row: DeliveryRow
    unsure: int
