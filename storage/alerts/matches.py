"""What rules found, kept once: matches with their reasons, and the deliveries that they owe."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from storage.archive.database import sql
from storage.records import Hit, MatchRow, ObservationRow, PostFacts, Story

if TYPE_CHECKING:
    from storage.archive.database import Ask, Writer

_COLUMNS = "m.id, m.rule, m.rule_version, m.post_id, m.document_hash, m.kind, m.at, m.hits, m.alerting, m.why, m.before"


def facts_of_posts(ask: Ask, post_ids: Iterable[int]) -> dict[int, PostFacts]:
    """What is known of these posts; ids that do not exist are left out."""
    rows = ask(
        "select p.id, p.alerts, p.collected_at, p.deleted_at, s.first_contact_at from posts p"
        " join sources s on s.id = p.source_id where p.id in (select value from json_each(:ids))",
        {"ids": json.dumps(list(post_ids))},
    )
    return {
        row["id"]: PostFacts(bool(row["alerts"]), row["collected_at"], row["first_contact_at"], row["deleted_at"])
        for row in rows
    }


def earlier(ask: Ask, post_ids: Iterable[int]) -> dict[int, list[MatchRow]]:
    """Every stored match of these posts, oldest first."""
    found: dict[int, list[MatchRow]] = {}
    rows = ask(
        f"select {_COLUMNS} from matches m where m.post_id in (select value from json_each(:ids)) order by m.id",
        {"ids": json.dumps(list(post_ids))},
    )
    for match in map(_match, rows):
        found.setdefault(match.post_id, []).append(match)
    return found


def texts(ask: Ask, hits: Iterable[Hit]) -> dict[int, str]:
    """Raw texts that these hits point into, current or not."""
    ids = json.dumps(sorted({hit.text_id for hit in hits}))
    rows = ask("select id, text from texts where id in (select value from json_each(:ids))", {"ids": ids})
    return {row["id"]: row["text"] for row in rows}


def save(writer: Writer, match: MatchRow, targets: Sequence[str], now: int) -> int | None:
    """Store a match, and for each target one delivery due at `now`; its id, or None if it is stored already.

    What is stored already stays as it is, so doing it again changes nothing.
    """
    row = writer.execute(
        sql(
            "insert into matches"
            " (rule, rule_version, post_id, document_hash, kind, at, hits, alerting, why, before) values"
            " (:rule, :rule_version, :post_id, :document_hash, :kind, :at, :hits, :alerting, :why, :before)"
            " on conflict (rule, rule_version, post_id, document_hash, kind) do nothing returning id"
        ),
        {
            "rule": match.rule,
            "rule_version": match.rule_version,
            "post_id": match.post_id,
            "document_hash": match.document_hash,
            "kind": match.kind,
            "at": match.at,
            "hits": json.dumps([asdict(hit) for hit in match.hits], ensure_ascii=False),
            "alerting": int(match.alerting),
            "why": match.why,
            "before": match.before,
        },
    ).one_or_none()
    if row is None:
        return None
    for target in targets:
        writer.execute(
            sql(
                "insert into deliveries (match_id, target, kind, payload, state, not_before, attempts,"
                " possible_repeat, created_at) values (:match_id, :target, :kind, '{}', 'pending', :now, 0, 0, :now)"
                " on conflict (match_id, target) do nothing"
            ),
            {"match_id": row.id, "target": target, "kind": match.kind, "now": now},
        )
    return int(row.id)


def story(ask: Ask, match_id: int) -> Story | None:
    """One match with what its message needs; None if there is no such match."""
    row = next(
        iter(
            ask(
                f"select {_COLUMNS}, s.side, r.query, p.deleted_at from matches m join posts p on p.id = m.post_id"
                " join sources s on s.id = p.source_id"
                " left join rules r on r.name = m.rule and r.version = m.rule_version where m.id = :id",
                {"id": match_id},
            )
        ),
        None,
    )
    if row is None:
        return None
    match = _match(row)
    return Story(match, row["side"], row["query"], texts(ask, match.hits), _first_miss(ask, match.post_id))


def listed(
    ask: Ask, *, since: int | None = None, rule: str | None = None, state: str | None = None, limit: int = 50
) -> Iterator[tuple[MatchRow, str, str | None]]:
    """Matches, newest first, each with the name of its source and the address of its post.

    `state` is a state of one of its deliveries, or "silent" for matches that alerted nobody.
    """
    rows = ask(
        f"select {_COLUMNS}, s.name as source, p.url from matches m join posts p on p.id = m.post_id"
        " join sources s on s.id = p.source_id where (:since is null or m.at >= :since)"
        " and (:rule is null or m.rule = :rule) and (:state is null or (:state = 'silent' and m.alerting = 0)"
        " or exists (select 1 from deliveries d where d.match_id = m.id and d.state = :state))"
        " order by m.id desc limit :limit",
        {"since": since, "rule": rule, "state": state, "limit": limit},
    )
    for row in rows:
        yield _match(row), row["source"], row["url"]


def _first_miss(ask: Ask, post_id: int) -> ObservationRow | None:
    rows = ask(
        "select at, presence, method, detail from observations where post_id = :id and presence = 'absent' and at >"
        " coalesce((select max(at) from observations where post_id = :id and presence = 'present'), 0)"
        " order by at limit 1",
        {"id": post_id},
    )
    return next((ObservationRow(row["at"], row["presence"], row["method"], row["detail"]) for row in rows), None)


def _match(row: Mapping[str, Any]) -> MatchRow:
    return MatchRow(
        id=row["id"],
        rule=row["rule"],
        rule_version=row["rule_version"],
        post_id=row["post_id"],
        document_hash=row["document_hash"],
        kind=row["kind"],
        at=row["at"],
        hits=tuple(Hit(**hit) for hit in json.loads(row["hits"])),
        alerting=bool(row["alerting"]),
        why=row["why"],
        before=row["before"],
    )
