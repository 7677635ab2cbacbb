"""Views of everything that JSON shows; names of states of today; an order of events that no clock can change.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0005"
down_revision = "0004"

_STEPS = (
    "ALTER TABLE posts ADD COLUMN seq INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE rules ADD COLUMN loaded_seq INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sources ADD COLUMN first_contact_seq INTEGER",
    # the order of old rows is that of their times; a rule comes after a post of the same moment, so that nothing rings
    "UPDATE posts SET seq = collected_at",
    "UPDATE rules SET loaded_seq = loaded_at + 1",
    "UPDATE sources SET first_contact_seq = first_contact_at",
    """INSERT INTO meta (key, value) SELECT 'sequence', CAST(coalesce(max(seq), 0) AS TEXT) FROM (SELECT seq FROM posts
        UNION ALL SELECT loaded_seq FROM rules UNION ALL SELECT first_contact_seq FROM sources)""",
    # how a revision came to us; the longest pause between two looks (unknown for what was watched before)
    """CREATE TABLE fetches (
        id INTEGER NOT NULL,
        digest TEXT NOT NULL,
        at INTEGER NOT NULL,
        method TEXT NOT NULL,
        status TEXT,
        url TEXT,
        headers BLOB NOT NULL,
        certificate TEXT,
        layer INTEGER,
        PRIMARY KEY (id),
        UNIQUE (digest)
    ) STRICT""",
    "ALTER TABLE revisions ADD COLUMN fetch_id INTEGER REFERENCES fetches (id)",
    "ALTER TABLE runs ADD COLUMN longest_pause INTEGER",
    # sources: how the last round failed, and what had to be reached for it
    "ALTER TABLE sources ADD COLUMN server TEXT",
    "ALTER TABLE sources ADD COLUMN failure TEXT",
    "ALTER TABLE sources ADD COLUMN failing_since INTEGER",
    "ALTER TABLE sources ADD COLUMN failures_alike INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX sources_failing ON sources (failure) WHERE failure IS NOT NULL",
    "CREATE INDEX runs_in_order ON runs (source_id)",
    """UPDATE sources SET state = CASE state WHEN 'archive' THEN 'archive error' WHEN 'broken' THEN 'internal error'
        WHEN 'flood wait' THEN 'rate-limited' WHEN 'handle moved' THEN 'renamed'
        WHEN 'no channel' THEN 'not a channel' WHEN 'not offered' THEN 'not supported'
        WHEN 'preview off' THEN 'preview disabled' WHEN 'rate limited' THEN 'rate-limited'
        WHEN 'schema drift' THEN 'client outdated' ELSE state END""",
    # notices: 0 begins a trouble that lasts, 1 ends it
    "ALTER TABLE notices ADD COLUMN ends INTEGER",
    """UPDATE notices SET ends = text LIKE '% are fetched again' OR text LIKE '% works again' OR text LIKE '% go on'
        WHERE about = 'files' OR about LIKE 'files of %' OR about LIKE 'engine %'""",
    "CREATE INDEX notices_about ON notices (about, id)",
    # media: which file an engine is reading, and how often this process died of it
    "ALTER TABLE media ADD COLUMN reading_since INTEGER",
    "ALTER TABLE media ADD COLUMN crashes INTEGER",
    # A death of the process is no longer counted as an attempt; which was which is not known of old rows.
    "ALTER TABLE jobs ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE jobs ADD COLUMN healthy INTEGER NOT NULL DEFAULT 0",
    "UPDATE jobs SET attempts = 0",
    "CREATE INDEX jobs_apart ON jobs (kind, due_at) WHERE attempts + interruptions > 0",
    "CREATE INDEX jobs_claimed ON jobs (kind) WHERE claimed_until IS NOT NULL",
    "ALTER TABLE given_up ADD COLUMN announced INTEGER NOT NULL DEFAULT 0",
    "UPDATE given_up SET announced = 1",
    "CREATE INDEX given_up_of ON given_up (post_id, kind)",
    "CREATE INDEX given_up_unsaid ON given_up (id) WHERE announced = 0",
    "ALTER TABLE deliveries ADD COLUMN priority INTEGER NOT NULL DEFAULT 2",
    "ALTER TABLE deliveries ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE deliveries ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE deliveries ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE deliveries ADD COLUMN healthy INTEGER NOT NULL DEFAULT 0",
    "UPDATE deliveries SET unanswered = possible_repeat, possible_repeat = 1 WHERE possible_repeat > 0",
    "CREATE INDEX deliveries_in_order ON deliveries (target, priority, id) WHERE state = 'pending'",
    "CREATE INDEX deliveries_apart ON deliveries (target) WHERE interruptions > 0",
    "CREATE INDEX deliveries_sending ON deliveries (target) WHERE state = 'sending'",
    "ALTER TABLE targets ADD COLUMN asked_at INTEGER",
    "ALTER TABLE targets ADD COLUMN moved_from TEXT",
    "ALTER TABLE targets ADD COLUMN moved_to TEXT",
    "CREATE TABLE sendings (id INTEGER NOT NULL, chat TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (id)) STRICT",
    # several accounts at Telegram: what there is belongs to the one without a name
    "ALTER TABLE telegram_account ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    "CREATE UNIQUE INDEX telegram_account_by_name ON telegram_account (account)",
    "ALTER TABLE telegram_spent ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE telegram_watches ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE telegram_requests ADD COLUMN account TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE waits_by_account (
        account TEXT NOT NULL,
        method TEXT NOT NULL,
        until INTEGER NOT NULL,
        PRIMARY KEY (account, method)
    ) STRICT""",
    "INSERT INTO waits_by_account SELECT '', method, until FROM telegram_waits",
    "DROP TABLE telegram_waits",
    "ALTER TABLE waits_by_account RENAME TO telegram_waits",
    "CREATE INDEX sendings_of ON sendings (chat, at)",
    # what the config named, so that a new name of the same thing is noticed
    """CREATE TABLE config_entries (part TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, mark TEXT NOT NULL,
        PRIMARY KEY (part, name)) STRICT""",
    "INSERT INTO config_entries SELECT 'sources', name, kind, '' FROM sources",
    "INSERT INTO config_entries SELECT DISTINCT 'targets', target, '', '' FROM deliveries",
    """INSERT INTO config_entries SELECT 'rules', name, '', query FROM rules WHERE name NOT LIKE 'media:%' AND id IN
        (SELECT max(id) FROM rules GROUP BY name)""",
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
