"""A digest, and each delivery that it settled."""

from storage.frozen import dataclass
from storage.records import DigestKind, MatchKind


@dataclass(frozen=True, slots=True)
class DigestRow:
    """One digest to one target. Times are microseconds UTC; `total` counts the deliveries that it settled.

    A scheduled one settles nothing: it counts what came after the delivery `after` and before its own.
    """

    id: int
    target: str
    kind: DigestKind
    window_from: int
    window_to: int
    made_at: int
    delivery_id: int
    total: int
    after: int | None = None


@dataclass(frozen=True, slots=True)
class DigestedRow:
    """One delivery that a digest settled or counts, with its match; `at` is when the rule found it.

    `priority` 0 is the most urgent. `held` is the kind of digest that it still waits for.
    """

    delivery: int
    alert: int
    rule: str
    kind: MatchKind
    post_id: int
    source: str
    priority: int
    at: int
    state: str
    held: str | None
