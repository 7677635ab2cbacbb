"""Human-named views: the stable interface for Datasette, sqlite-utils, DuckDB and the sqlite3 shell.

Tables may change between versions; a view keeps its columns and their meaning. Times are ISO 8601 UTC with `Z`.
"""


def _time(column: str) -> str:
    whole = f"strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000000, 'unixepoch')"
    return f"CASE WHEN {column} IS NOT NULL THEN {whole} || 'Z' END"


VIEWS = {
    "posts_readable": f"""
SELECT CAST(p.id AS TEXT) AS id, s.name AS source, s.side, p.native_id,
    {_time("p.posted_at")} AS posted, {_time("p.collected_at")} AS collected,
    {_time("p.edited_at")} AS edited, {_time("p.deleted_at")} AS deleted,
    p.author, r.title, r.text, p.language, json_extract(p.forward, '$.name') AS forwarded_from, p.reply_to, p.url,
    (SELECT group_concat(kind, ' ') FROM media m WHERE m.post_id = p.id) AS media,
    p.revision + 1 AS revisions, r.raw_sha256
FROM posts p JOIN sources s ON s.id = p.source_id
JOIN revisions r ON r.post_id = p.id AND r.number = p.revision""",
    "matches_readable": f"""
SELECT m.id, m.rule, m.kind, {_time("m.at")} AS matched, s.name AS source, {_time("p.posted_at")} AS posted,
    r.title, r.text, p.url, m.alerting, m.why, CAST(m.post_id AS TEXT) AS post_id
FROM matches m JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id
JOIN revisions r ON r.post_id = p.id AND r.number = p.revision""",
    "deliveries_readable": f"""
SELECT d.id, d.target, d.kind, d.state, m.rule, s.name AS source, p.url, {_time("d.created_at")} AS created,
    {_time("d.not_before")} AS not_before, {_time("d.settled_at")} AS settled, d.attempts, d.possible_repeat,
    d.reason, CAST(m.post_id AS TEXT) AS post_id
FROM deliveries d LEFT JOIN matches m ON m.id = d.match_id LEFT JOIN posts p ON p.id = m.post_id
LEFT JOIN sources s ON s.id = p.source_id""",
    "gaps_readable": f"""
SELECT g.id, s.name AS source, g.reason, g.low, g.high, {_time("g.from_at")} AS missing_from,
    {_time("g.to_at")} AS missing_to, {_time("g.opened_at")} AS opened, {_time("g.closed_at")} AS closed, g.closed_how
FROM gaps g JOIN sources s ON s.id = g.source_id""",
}
