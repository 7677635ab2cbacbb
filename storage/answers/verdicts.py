"""What people think of what rules found: useful or noise, per version of a rule, event and person.

Every word is kept, and the last one of a person counts. Where people disagree about an event it counts as useful: to
lose what somebody needs is worse than to read what nobody needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

Verdict = Literal["useful", "noise"]
_EVENT = "coalesce(b.event_id, m.post_id)"  # a post that is in no event is one by itself
_PLACED = "LEFT JOIN event_posts b ON b.post_id = m.post_id"
_LAST = (
    f"SELECT m.rule, m.rule_version AS version, {_EVENT} AS event, v.who, v.verdict, m.post_id AS post, max(v.id) AS id"
    f" FROM verdicts v JOIN matches m ON m.id = v.match_id {_PLACED} GROUP BY 1, 2, 3, 4"
)
_JUDGED = (
    f"SELECT rule, version, event, max(verdict = 'useful') AS useful, min(post) AS post FROM ({_LAST}) GROUP BY 1, 2, 3"
)
# What a rule alerted about since :since, each event once, with the first alert about it.
_ALERTED = (
    f"SELECT m.rule, m.rule_version AS version, {_EVENT} AS event, min(m.id) AS first"
    f" FROM matches m {_PLACED} WHERE m.at >= :since AND m.alerting = 1 AND (:rule IS NULL OR m.rule = :rule)"
    " GROUP BY 1, 2, 3"
)
_BOTH = f"({_ALERTED}) a LEFT JOIN ({_JUDGED}) j ON (j.rule, j.version, j.event) = (a.rule, a.version, a.event)"


@dataclass(frozen=True, slots=True)
class VerdictCounts:
    """How many events a rule alerted about, by what people think of them."""

    useful: int = 0
    noise: int = 0
    unjudged: int = 0

    def describe(self) -> str:
        """Say "41 useful, 9 noise, 12 unjudged"."""
        return f"{self.useful} useful, {self.noise} noise, {self.unjudged} unjudged"


@dataclass(frozen=True, slots=True)
class Said:
    """The last word of one person; `at` is microseconds UTC."""

    by: str
    verdict: str
    at: int


def judge_alert(writer: Writer, match_id: int, who: str, verdict: Verdict, now: int) -> bool:
    """Store what `who` thinks of this alert; False if that was the last word of this person already."""
    if any(said.by == who and said.verdict == verdict for said in list_verdicts(writer, match_id)):
        return False
    writer.execute(
        "INSERT INTO verdicts (match_id, who, verdict, at) VALUES (:match, :who, :verdict, :now)",
        {"match": match_id, "who": who, "verdict": verdict, "now": now},
    )
    return True


def list_verdicts(reader: Reader, match_id: int) -> list[Said]:
    """The last word of each person on the event of this alert and its version of the rule, oldest first."""
    rows = reader.rows(
        "SELECT v.who, v.verdict, v.at, max(v.id) AS last"
        f" FROM verdicts v JOIN matches m ON m.id = v.match_id {_PLACED}"
        f" JOIN (SELECT m.rule, m.rule_version, {_EVENT} AS event FROM matches m {_PLACED} WHERE m.id = :id) a"
        f" ON (a.rule, a.rule_version, a.event) = (m.rule, m.rule_version, {_EVENT}) GROUP BY v.who ORDER BY last",
        {"id": match_id},
    )
    return [Said(row["who"], row["verdict"], row["at"]) for row in rows]


def count_verdicts(reader: Reader, since: int) -> dict[str, VerdictCounts]:
    """What people think of what each rule alerted about since then; an event counts once per version of the rule."""
    rows = reader.rows(
        "SELECT a.rule, total(j.useful = 1) AS useful, total(j.useful = 0) AS noise,"
        f" total(j.useful IS NULL) AS unjudged FROM {_BOTH} GROUP BY a.rule",
        {"since": since, "rule": None},
    )
    return {row["rule"]: VerdictCounts(int(row["useful"]), int(row["noise"]), int(row["unjudged"])) for row in rows}


def list_unjudged(reader: Reader, rule: str, since: int) -> list[int]:
    """The first alert about each event on which nobody has said a word yet, the newest first."""
    return reader.column(
        f"SELECT a.first FROM {_BOTH} WHERE j.useful IS NULL ORDER BY a.first DESC", {"since": since, "rule": rule}
    )


def list_judged(reader: Reader, rule: str) -> list[tuple[int, bool]]:
    """A post of each event of a rule that people judged, in any version; whether anybody found it useful."""
    rows = reader.rows(
        f"SELECT min(post) AS post, max(useful) AS useful FROM ({_JUDGED}) WHERE rule = :rule GROUP BY event"
        " ORDER BY 1",
        {"rule": rule},
    )
    return [(row["post"], bool(row["useful"])) for row in rows]
