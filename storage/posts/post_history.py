"""What became of one post: its revisions, when it was seen or missed, its matches and their deliveries."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.posts.reading import named
from storage.records import ObservationRow, RevisionRow

if TYPE_CHECKING:
    from storage.archive.database import Reader


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
    """One match of a post: the rule, when and why it alerts or not, and its deliveries."""

    rule: str
    kind: str
    at: int
    why: str
    deliveries: tuple[Sent, ...]


def history(reader: "Reader", post_id: int) -> PostHistory:
    """Every revision and observation of one post, oldest first."""
    revisions = reader.execute(
        "select number, text, collected_at, edited_at, content_hash, raw_sha256, method from revisions"
        " where post_id = :id order by number",
        {"id": post_id},
    )
    observations = reader.execute(
        "select at, presence, method, detail from observations where post_id = :id order by at, id", {"id": post_id}
    )
    return PostHistory(
        tuple(RevisionRow(**row) for row in named(revisions)),
        tuple(ObservationRow(**row) for row in named(observations)),
    )


def matches(reader: "Reader", post_id: int) -> tuple[Matched, ...]:
    """Every match of one post with its deliveries, oldest first."""
    sent: dict[int, list[Sent]] = {}
    for row in named(
        reader.execute(
            "select d.match_id, d.target, d.kind, d.state, d.created_at, d.settled_at, d.reason, d.possible_repeat"
            " from deliveries d join matches m on m.id = d.match_id where m.post_id = :id order by d.id",
            {"id": post_id},
        )
    ):
        row["possible_repeat"] = bool(row["possible_repeat"])
        sent.setdefault(row.pop("match_id"), []).append(Sent(**row))
    rows = reader.execute(
        "select id, rule, kind, at, why from matches where post_id = :id order by id", {"id": post_id}
    )
    return tuple(
        Matched(row["rule"], row["kind"], row["at"], row["why"], tuple(sent.get(row["id"], ()))) for row in rows
    )
