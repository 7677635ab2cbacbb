"""Events: a statement and its copies; deliveries that are `joined` to the message about the first.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0007"
down_revision = "0006"

_COLUMNS = (
    "id, match_id, target, kind, payload, state, not_before, attempts, possible_repeat, created_at, started_at,"
    " settled_at, reason, receipt, priority, unanswered, interruptions, deaths, healthy"
)
_STEPS = (
    # the state `joined` is new, and SQLite changes no check of a table that is there
    """CREATE TABLE deliveries_again (
        id INTEGER NOT NULL,
        match_id INTEGER,
        target TEXT NOT NULL,
        kind TEXT NOT NULL,
        payload TEXT NOT NULL,
        state TEXT NOT NULL,
        not_before INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        possible_repeat INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        started_at INTEGER,
        settled_at INTEGER,
        reason TEXT,
        receipt TEXT,
        priority INTEGER NOT NULL DEFAULT 2,
        unanswered INTEGER NOT NULL DEFAULT 0,
        interruptions INTEGER NOT NULL DEFAULT 0,
        deaths INTEGER NOT NULL DEFAULT 0,
        healthy INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (id),
        UNIQUE (match_id, target),
        CONSTRAINT state CHECK (state IN ('pending','sending','sent','joined','digested','dead','silenced')),
        FOREIGN KEY (match_id) REFERENCES matches (id)
    ) STRICT""",
    f"INSERT INTO deliveries_again ({_COLUMNS}) SELECT {_COLUMNS} FROM deliveries",
    "DROP TABLE deliveries",
    "ALTER TABLE deliveries_again RENAME TO deliveries",
    "CREATE INDEX deliveries_due ON deliveries (target, state, not_before)",
    "CREATE INDEX deliveries_in_order ON deliveries (target, priority, id) WHERE state = 'pending'",
    "CREATE INDEX deliveries_apart ON deliveries (target) WHERE interruptions > 0",
    "CREATE INDEX deliveries_sending ON deliveries (target) WHERE state = 'sending'",
    """CREATE TABLE events (
        id INTEGER NOT NULL,
        opened_at INTEGER NOT NULL,
        newest_at INTEGER NOT NULL,
        origin INTEGER,
        leads_to INTEGER,
        quotes INTEGER,
        PRIMARY KEY (id),
        FOREIGN KEY (id) REFERENCES posts (id)
    ) STRICT""",
    "CREATE INDEX events_by_time ON events (newest_at)",
    """CREATE TABLE event_posts (
        post_id INTEGER NOT NULL,
        event_id INTEGER NOT NULL,
        reason TEXT NOT NULL,
        measure REAL,
        at INTEGER NOT NULL,
        added TEXT,
        PRIMARY KEY (post_id),
        FOREIGN KEY (post_id) REFERENCES posts (id),
        FOREIGN KEY (event_id) REFERENCES events (id)
    ) STRICT""",
    "CREATE INDEX event_posts_by_event ON event_posts (event_id, post_id)",
    "CREATE TABLE event_origins (origin TEXT NOT NULL, event_id INTEGER NOT NULL, PRIMARY KEY (origin)) STRICT",
    """CREATE TABLE event_words (
        text_id INTEGER NOT NULL,
        event_id INTEGER NOT NULL,
        tokens TEXT NOT NULL,
        digest TEXT NOT NULL,
        prints INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (text_id)
    ) STRICT""",
    "CREATE INDEX event_words_of ON event_words (event_id)",
    "CREATE INDEX event_words_equal ON event_words (digest)",
    """CREATE TABLE event_prints (
        fingerprint INTEGER NOT NULL,
        text_id INTEGER NOT NULL,
        PRIMARY KEY (fingerprint, text_id)
    ) WITHOUT ROWID, STRICT""",
    "CREATE INDEX event_prints_of ON event_prints (text_id)",
    """CREATE TABLE event_corrections (
        id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        post_id INTEGER NOT NULL,
        other INTEGER,
        who TEXT,
        PRIMARY KEY (id),
        FOREIGN KEY (post_id) REFERENCES posts (id)
    ) STRICT""",
    "ALTER TABLE sources ADD COLUMN family TEXT",
    # what is archived already is placed by `communique events rebuild`, not by an upgrade that people wait for
    "INSERT INTO meta (key, value) SELECT 'events_placed', CAST(coalesce(max(id), 0) AS TEXT) FROM revisions",
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
