"""Human-named views: the stable interface for Datasette, sqlite-utils, DuckDB and the sqlite3 shell.

Tables may change between versions; a view keeps its columns and their meaning (docs/archive.md). Columns have the names
and the times of the JSON output. An `id` is the primary key itself, so that looking for one is a look-up, not a scan.
"""

from storage.archive.best_reading import BEST_READING, HASH, READ_AGAIN, said
from storage.archive.full_text import WORDS


def _seconds(column: str) -> str:
    whole = f"strftime('%Y-%m-%dT%H:%M:%S', {column} / 1000000, 'unixepoch')"
    return f"CASE WHEN {column} IS NOT NULL THEN {whole} || 'Z' END"


def _time(column: str) -> str:
    """ISO 8601 as in JSON: the fraction of a second has no, three or six digits."""
    fraction = f"(({column} % 1000000 + 1000000) % 1000000)"
    return (
        f"strftime('%Y-%m-%dT%H:%M:%S', ({column} - {fraction}) / 1000000, 'unixepoch') || "
        f"CASE WHEN {fraction} = 0 THEN '' WHEN {fraction} % 1000 = 0 THEN printf('.%03d', {fraction} / 1000) "
        f"ELSE printf('.%06d', {fraction}) END || 'Z'"
    )


_OF_A_POST = "s.name AS source, p.native_id"
_POST_AND_SOURCE = "JOIN posts p ON p.id = {0}.post_id JOIN sources s ON s.id = p.source_id"
_CURRENT_REVISION = f"JOIN revisions r ON r.post_id = p.id AND r.number = p.revision {BEST_READING}"
_FETCH = (
    "iif(f.id IS NULL, NULL, json_object('method', f.method, 'status', f.status, 'url', f.url, "
    "'certificate_sha256', f.certificate, 'layer', f.layer)) AS fetch"
)
_TITLE, _TEXT, _LINKS = (f"{said(column)} AS {column}" for column in ("title", "text", "links"))

VIEWS = {
    "posts_readable": f"""
SELECT p.id, s.name AS source, s.side, p.native_id,
    {_seconds("p.posted_at")} AS posted, {_seconds("p.collected_at")} AS collected,
    {_seconds("p.edited_at")} AS edited, {_seconds("p.deleted_at")} AS deleted,
    p.author, {_TITLE}, {_TEXT}, p.language, json_extract(p.forward, '$.name') AS forwarded_from, p.reply_to, p.url,
    (SELECT group_concat(kind, ' ') FROM media m WHERE m.post_id = p.id) AS media,
    p.revision + 1 AS revisions, r.raw_sha256,
    {_time("p.posted_at")} AS posted_at, p.posted_raw, {_time("p.collected_at")} AS collected_at,
    {_time("p.edited_at")} AS edited_at, {_time("p.deleted_at")} AS deleted_at, {_LINKS},
    (SELECT json_group_array(DISTINCT rule) FROM matches m WHERE m.post_id = p.id) AS rules,
    iif(p.posted_at IS NULL AND trim(p.posted_raw) <> '', 'time not understood', NULL) AS time_problem,
    b.event_id AS event, iif(b.reason = 'first', NULL, b.event_id) AS copy_of, nullif(b.reason, 'first') AS copy_reason,
    iif(b.reason = 'first', NULL, b.measure) AS copy_likeness,
    (SELECT e.quotes FROM events e WHERE e.id = p.id) AS quotes
FROM posts p JOIN sources s ON s.id = p.source_id LEFT JOIN event_posts b ON b.post_id = p.id {_CURRENT_REVISION}""",
    "texts_readable": f"""
SELECT t.id, t.post_id, {_OF_A_POST}, t.kind, t.engine, t.language, t.text, t.confidence, t.model, t.unreliable,
    t.segments, t.media_id AS file_id, t.revision + 1 AS revision, t.current
FROM texts t {_POST_AND_SOURCE.format("t")}""",
    "files_readable": f"""
SELECT m.id, m.post_id, {_OF_A_POST}, p.url, {_time("p.posted_at")} AS posted_at, m.kind, m.mime, m.name,
    coalesce(m.size, m.bytes) AS bytes, m.sha256, m.state, m.reason, m.path, m.duration_s, m.sniffed,
    {_time("m.stored_at")} AS stored_at, {_time("m.next_try_at")} AS next_try_at, m.read_by,
    {_time("m.read_at")} AS read_at,
    (SELECT g.reason FROM given_up g WHERE g.kind IN ('transcript', 'ocr') AND g.post_id = m.post_id
        AND g.slot = CAST(m.id AS TEXT) ORDER BY g.id DESC LIMIT 1) AS given_up
FROM media m {_POST_AND_SOURCE.format("m")}""",
    "revisions_readable": f"""
SELECT r.id, r.post_id, {_OF_A_POST}, r.number + 1 AS number, {_TITLE}, {_TEXT}, {_LINKS},
    {_time("r.collected_at")} AS collected_at, {_time("r.edited_at")} AS edited_at, r.method,
    {HASH} AS content_hash, r.raw_sha256, r.number = p.revision AS current,
    {_time(READ_AGAIN)} AS reread_at, {_FETCH}
FROM revisions r {_POST_AND_SOURCE.format("r")} {BEST_READING} LEFT JOIN fetches f ON f.id = r.fetch_id""",
    "observations_readable": f"""
SELECT o.id, o.post_id, {_OF_A_POST}, {_time("o.at")} AS at, o.presence, o.method, o.detail, {_FETCH}
FROM observations o {_POST_AND_SOURCE.format("o")} LEFT JOIN fetches f ON f.id = o.fetch_id""",
    "sources_readable": f"""
SELECT s.id, s.name, s.kind, s.state, s.reason, {_time("nullif(s.state_since, 0)")} AS state_since, s.tags, s.side,
    s.handle, s.channel_id, s.title, s.enabled, s.paused, s.failures,
    {_time("s.first_contact_at")} AS first_contact_at, {_time("s.last_ok_at")} AS last_ok_at,
    {_time("s.last_post_at")} AS last_post_at,
    CASE WHEN w.outcome = 'ok' THEN {_time("w.started_at")} END AS watched_since,
    CASE WHEN w.outcome = 'ok' THEN w.rounds ELSE 0 END AS watched_rounds,
    {_time("nullif(max(s.next_poll_at, coalesce(s.hold_until, 0)), 0)")} AS next_poll_at, s.high_water,
    (SELECT count(*) FROM posts p WHERE p.source_id = s.id) AS posts,
    (SELECT count(p.deleted_at) FROM posts p WHERE p.source_id = s.id) AS deleted,
    (SELECT count(*) FROM gaps g WHERE g.source_id = s.id AND g.closed_at IS NULL) AS open_gaps,
    CASE WHEN w.outcome = 'ok' THEN w.longest_pause / 1e6 END AS longest_pause_s,
    s.pace / 1e6 AS planned_every_s
FROM sources s LEFT JOIN runs w ON w.id =
    (SELECT l.id FROM runs l WHERE l.source_id = s.id ORDER BY l.id DESC LIMIT 1)""",
    "alerts_readable": f"""
SELECT m.id, {_time("m.at")} AS at, m.rule, m.rule_version, m.kind, {_OF_A_POST}, m.post_id, p.url, m.alerting, m.why,
    m.before, {_TITLE}, {_TEXT},
    (SELECT json_group_array(json_object('target', d.target, 'kind', d.kind, 'state', d.state, 'attempts', d.attempts,
        'created_at', {_time("d.created_at")}, 'not_before', {_time("d.not_before")},
        'settled_at', {_time("d.settled_at")}, 'reason', d.reason,
        'possible_repeat', json(iif(d.possible_repeat, 'true', 'false')), 'held', d.held,
        'digest', CAST(d.digest_id AS TEXT), 'event', iif(d.state = 'joined', (SELECT CAST(b.event_id AS TEXT)
            FROM event_posts b WHERE b.post_id = m.post_id), NULL), 'mute', CAST(d.mute_id AS TEXT)))
        FROM deliveries d WHERE d.match_id = m.id OR d.escalates = m.id) AS deliveries,
    (SELECT b.event_id FROM event_posts b WHERE b.post_id = m.post_id) AS event,
    (SELECT f.faces FROM facing f WHERE f.match_id = m.id) AS faces,
    (SELECT json_object('by', a.who, 'at', {_time("a.at")}) FROM matches n JOIN acks a ON a.match_id = n.id
        WHERE n.post_id IN (SELECT m.post_id UNION SELECT c.post_id FROM event_posts b
        JOIN event_posts c ON c.event_id = b.event_id WHERE b.post_id = m.post_id) ORDER BY a.id LIMIT 1) AS acked
FROM matches m {_POST_AND_SOURCE.format("m")} {_CURRENT_REVISION}""",
    "matches_readable": f"""
SELECT m.id, m.rule, m.kind, {_seconds("m.at")} AS matched, s.name AS source, {_seconds("p.posted_at")} AS posted,
    {_TITLE}, {_TEXT}, p.url, m.alerting, m.why, m.post_id, p.native_id, {_time("m.at")} AS at,
    {_time("p.posted_at")} AS posted_at
FROM matches m {_POST_AND_SOURCE.format("m")} {_CURRENT_REVISION}""",
    "deliveries_readable": f"""
SELECT d.id, d.target, d.kind, d.state, m.rule, s.name AS source, p.url, {_seconds("d.created_at")} AS created,
    {_seconds("d.not_before")} AS not_before, {_seconds("d.settled_at")} AS settled, d.attempts, d.possible_repeat,
    d.reason, m.post_id, m.id AS alert_id, p.native_id, {_time("d.created_at")} AS created_at,
    {_time("d.settled_at")} AS settled_at, d.mute_id AS mute, d.held,
    {_time("d.held_until")} AS held_until, d.digest_id AS digest
FROM deliveries d LEFT JOIN matches m ON (m.id = d.match_id OR m.id = d.escalates) LEFT JOIN posts p ON p.id = m.post_id
LEFT JOIN sources s ON s.id = p.source_id""",
    "mutes_readable": f"""
SELECT m.id, m.rule, m.source, m.tag, m."query", m.target, m.even_max, {_time("m.from_at")} AS from_at,
    {_time("m.until")} AS until, m.why, m.who AS "by", {_time("m.ended_at")} AS ended_at, m.ended_by,
    (SELECT count(*) FROM deliveries d WHERE d.mute_id = m.id) AS held
FROM mutes m""",
    "gaps_readable": f"""
SELECT g.id, s.name AS source, g.reason, g.low, g.high, {_seconds("g.from_at")} AS missing_from,
    {_seconds("g.to_at")} AS missing_to, {_seconds("g.opened_at")} AS opened, {_seconds("g.closed_at")} AS closed,
    g.closed_how, {_time("g.from_at")} AS from_at, {_time("g.to_at")} AS to_at, {_time("g.opened_at")} AS opened_at,
    {_time("g.closed_at")} AS closed_at
FROM gaps g JOIN sources s ON s.id = g.source_id""",
    "watches_readable": f"""
SELECT w.id, s.name AS source, w.outcome AS state, w.detail AS reason, {_time("w.started_at")} AS from_at,
    {_time("w.ended_at")} AS to_at, w.rounds, w.posts, w.longest_pause / 1e6 AS longest_pause_s
FROM runs w JOIN sources s ON s.id = w.source_id""",
    "events_readable": f"""
SELECT e.id, e.id AS post_id, {_time("e.opened_at")} AS opened_at, {_time("e.newest_at")} AS newest_at,
    s.name AS source, s.side, p.url, (SELECT count(*) FROM event_posts b WHERE b.event_id = e.id) AS posts,
    e.origin, e.quotes, {_TITLE}, {_TEXT}
FROM events e JOIN posts p ON p.id = e.id JOIN sources s ON s.id = p.source_id {_CURRENT_REVISION}
WHERE e.leads_to IS NULL""",
}

# What the full-text index is made of, and received bytes with what unpacks them. No part of the stable interface.
INNER_VIEWS = {
    "posts_words": WORDS,
    "received": "SELECT w.rowid AS rowid, w.sha256, w.mime, w.bytes, w.zstd, CAST(t.text AS BLOB) AS text "
    "FROM raw w LEFT JOIN texts t ON t.id = w.text_id",
}
