"""What became of one post: its revisions, when it was seen or missed, its matches and their deliveries."""

from typing import TYPE_CHECKING, Any

from storage.answers.acks import find_ack
from storage.archive.best_reading import BEST_READING, HASH, READ_AGAIN, said
from storage.frozen import dataclass
from storage.posts.fetches import read_fetch
from storage.records import Acked, Fetch, ObservationRow

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """What a post said from one moment on; `number` counts from 0, `reread_at` is when a better reader read it."""

    number: int
    text: str
    collected_at: int
    edited_at: int | None
    content_hash: str
    raw_sha256: str
    method: str
    reread_at: int | None
    fetch: Fetch | None


@dataclass(frozen=True, slots=True)
class PostHistory:
    """What a post said over time, and when it was seen present or absent; both oldest first."""

    revisions: tuple[RevisionRow, ...]
    observations: tuple[ObservationRow, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a match at one target."""

    target: str
    kind: str
    state: str
    created_at: int
    settled_at: int | None
    reason: str | None
    possible_repeat: bool


@dataclass(frozen=True, slots=True)
class Matched:
    """One match of a post, an alert: the rule, when and why it alerts or not, and its deliveries."""

    id: int
    rule: str
    kind: str
    at: int
    why: str
    deliveries: tuple[Sent, ...]
    acked: Acked | None = None


def read_history(reader: "Reader", post_id: int) -> PostHistory:
    """Every revision and observation of one post, oldest first."""
    revisions = reader.rows(
        f"SELECT r.number, {said('text')} AS text, r.collected_at, r.edited_at, "
        f"{HASH} AS content_hash, r.raw_sha256, r.method, {READ_AGAIN} AS reread_at, r.fetch_id "
        f"FROM revisions r {BEST_READING} WHERE r.post_id = :id ORDER BY r.number",
        {"id": post_id},
    )
    observations = reader.rows(
        "SELECT at, presence, method, detail, fetch_id FROM observations WHERE post_id = :id ORDER BY at, id",
        {"id": post_id},
    )
    return PostHistory(
        tuple(RevisionRow(**_with_fetch(reader, row)) for row in revisions),
        tuple(ObservationRow(**_with_fetch(reader, row)) for row in observations),
    )


def _with_fetch(reader: "Reader", row: "Row") -> dict[str, Any]:
    facts = dict(row)
    return facts | {"fetch": read_fetch(reader, facts.pop("fetch_id"))}


def read_matches(reader: "Reader", post_id: int) -> tuple[Matched, ...]:
    """Every match of one post with its deliveries, oldest first."""
    sent: dict[int, list[Sent]] = {}
    for row in reader.rows(
        "SELECT m.id AS match_id, d.target, d.kind, d.state, d.created_at, d.settled_at, d.reason, d.possible_repeat"
        " FROM matches m CROSS JOIN deliveries d ON d.match_id = m.id OR d.escalates = m.id WHERE m.post_id = :id"
        " ORDER BY d.id",
        {"id": post_id},
    ):
        facts = dict(row) | {"possible_repeat": bool(row["possible_repeat"])}
        sent.setdefault(facts.pop("match_id"), []).append(Sent(**facts))
    rows = reader.rows("SELECT id, rule, kind, at, why FROM matches WHERE post_id = :id ORDER BY id", {"id": post_id})
    acked = find_ack(reader, rows[0]["id"]) if rows else None  # of the post's event, and so of all of them
    return tuple(
        Matched(row["id"], row["rule"], row["kind"], row["at"], row["why"], tuple(sent.get(row["id"], ())), acked)
        for row in rows
    )
