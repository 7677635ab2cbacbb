"""The first archive: every table, every index and the full-text index, as they were when it was released.

This text is frozen: a later change of storage.migrations.schema needs a revision of its own.
"""

from alembic import op

revision = "0001"
down_revision = None

_TABLES = (
    """CREATE TABLE meta (
        "key" TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY ("key")
    ) STRICT""",
    """CREATE TABLE notices (
        id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        about TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (id)
    ) STRICT""",
    """CREATE TABLE raw (
        sha256 TEXT NOT NULL,
        mime TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        zstd BLOB NOT NULL,
        PRIMARY KEY (sha256)
    ) STRICT""",
    """CREATE TABLE rules (
        id INTEGER NOT NULL,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        "query" TEXT NOT NULL,
        loaded_at INTEGER NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (name, version)
    ) STRICT""",
    """CREATE TABLE sources (
        id INTEGER NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        tags TEXT NOT NULL,
        side TEXT,
        enabled INTEGER NOT NULL,
        channel_id TEXT,
        handle TEXT,
        title TEXT,
        state TEXT NOT NULL,
        reason TEXT,
        state_since INTEGER NOT NULL,
        paused INTEGER NOT NULL,
        cursor TEXT,
        high_water INTEGER,
        first_contact_at INTEGER,
        next_poll_at INTEGER NOT NULL,
        hold_until INTEGER,
        failures INTEGER NOT NULL,
        last_ok_at INTEGER,
        last_post_at INTEGER,
        PRIMARY KEY (id),
        UNIQUE (name)
    ) STRICT""",
    """CREATE TABLE targets (
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        state_since INTEGER NOT NULL,
        hold_until INTEGER,
        PRIMARY KEY (name)
    ) STRICT""",
    """CREATE TABLE gaps (
        id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        low INTEGER,
        high INTEGER,
        from_at INTEGER,
        to_at INTEGER,
        reason TEXT NOT NULL,
        opened_at INTEGER NOT NULL,
        closed_at INTEGER,
        closed_how TEXT,
        until_count INTEGER,
        until_time INTEGER,
        alerts INTEGER NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(source_id) REFERENCES sources (id)
    ) STRICT""",
    "CREATE INDEX gaps_by_source ON gaps (source_id, closed_at)",
    """CREATE TABLE posts (
        id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        native_id TEXT NOT NULL,
        number INTEGER,
        posted_at INTEGER,
        posted_raw TEXT NOT NULL,
        url TEXT,
        author TEXT,
        reply_to TEXT,
        group_key TEXT,
        forward TEXT,
        views TEXT,
        collected_at INTEGER NOT NULL,
        alerts INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        texts INTEGER NOT NULL,
        language TEXT NOT NULL,
        edited_at INTEGER,
        deleted_at INTEGER,
        PRIMARY KEY (id),
        UNIQUE (source_id, native_id),
        FOREIGN KEY(source_id) REFERENCES sources (id)
    ) STRICT""",
    "CREATE INDEX posts_by_source ON posts (source_id, id)",
    "CREATE INDEX posts_by_url ON posts (url)",
    "CREATE INDEX posts_with_more_texts ON posts (id) WHERE texts > 1",
    """CREATE TABLE quarantine (
        id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        native_id TEXT,
        raw_sha256 TEXT NOT NULL,
        reason TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (source_id, raw_sha256),
        FOREIGN KEY(source_id) REFERENCES sources (id),
        FOREIGN KEY(raw_sha256) REFERENCES raw (sha256)
    ) STRICT""",
    """CREATE TABLE runs (
        id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        started_at INTEGER NOT NULL,
        ended_at INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        detail TEXT,
        rounds INTEGER NOT NULL,
        posts INTEGER NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(source_id) REFERENCES sources (id)
    ) STRICT""",
    "CREATE INDEX runs_by_source ON runs (source_id, started_at)",
    """CREATE TABLE given_up (
        id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        post_id INTEGER NOT NULL,
        slot TEXT NOT NULL,
        at INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(post_id) REFERENCES posts (id)
    ) STRICT""",
    """CREATE TABLE jobs (
        id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        post_id INTEGER NOT NULL,
        slot TEXT NOT NULL,
        due_at INTEGER NOT NULL,
        claimed_until INTEGER,
        attempts INTEGER NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (kind, post_id, slot),
        FOREIGN KEY(post_id) REFERENCES posts (id)
    ) STRICT""",
    "CREATE INDEX jobs_due ON jobs (kind, due_at)",
    """CREATE TABLE matches (
        id INTEGER NOT NULL,
        rule TEXT NOT NULL,
        rule_version TEXT NOT NULL,
        post_id INTEGER NOT NULL,
        document_hash TEXT NOT NULL,
        kind TEXT NOT NULL,
        at INTEGER NOT NULL,
        hits TEXT NOT NULL,
        alerting INTEGER NOT NULL,
        why TEXT NOT NULL,
        "before" TEXT,
        PRIMARY KEY (id),
        UNIQUE (rule, rule_version, post_id, document_hash, kind),
        FOREIGN KEY(post_id) REFERENCES posts (id)
    ) STRICT""",
    "CREATE INDEX matches_by_post ON matches (post_id)",
    """CREATE TABLE media (
        id INTEGER NOT NULL,
        post_id INTEGER NOT NULL,
        "key" TEXT NOT NULL,
        kind TEXT NOT NULL,
        url TEXT,
        mime TEXT,
        name TEXT,
        bytes INTEGER,
        duration_s REAL,
        revision INTEGER NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        sha256 TEXT,
        path TEXT,
        PRIMARY KEY (id),
        UNIQUE (post_id, "key"),
        FOREIGN KEY(post_id) REFERENCES posts (id)
    ) STRICT""",
    "CREATE INDEX media_by_state ON media (state)",
    """CREATE TABLE observations (
        id INTEGER NOT NULL,
        post_id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        presence TEXT NOT NULL,
        method TEXT NOT NULL,
        detail TEXT,
        PRIMARY KEY (id),
        CONSTRAINT presence CHECK (presence in ('present', 'absent')),
        FOREIGN KEY(post_id) REFERENCES posts (id)
    ) STRICT""",
    "CREATE INDEX observations_by_post ON observations (post_id, at)",
    """CREATE TABLE revisions (
        id INTEGER NOT NULL,
        post_id INTEGER NOT NULL,
        number INTEGER NOT NULL,
        title TEXT,
        text TEXT NOT NULL,
        links TEXT NOT NULL,
        poll TEXT,
        preview TEXT,
        edited INTEGER NOT NULL,
        edited_at INTEGER,
        content_hash TEXT NOT NULL,
        raw_sha256 TEXT NOT NULL,
        collected_at INTEGER NOT NULL,
        method TEXT NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (post_id, number),
        FOREIGN KEY(post_id) REFERENCES posts (id),
        FOREIGN KEY(raw_sha256) REFERENCES raw (sha256)
    ) STRICT""",
    """CREATE TABLE texts (
        id INTEGER NOT NULL,
        post_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        revision INTEGER NOT NULL,
        media_id INTEGER,
        text TEXT NOT NULL,
        folded TEXT NOT NULL,
        fold_version INTEGER NOT NULL,
        language TEXT NOT NULL,
        engine TEXT,
        confidence REAL,
        current INTEGER NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY(post_id) REFERENCES posts (id)
    ) STRICT""",
    "CREATE INDEX texts_by_post ON texts (post_id)",
    """CREATE TABLE deliveries (
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
        PRIMARY KEY (id),
        UNIQUE (match_id, target),
        CONSTRAINT state CHECK (state in ('pending','sending','sent','digested','dead','silenced')),
        FOREIGN KEY(match_id) REFERENCES matches (id)
    ) STRICT""",
    "CREATE INDEX deliveries_due ON deliveries (target, state, not_before)",
    (
        'CREATE VIRTUAL TABLE texts_index USING fts5(folded, content="texts", content_rowid="id", '
        "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'\")"
    ),
)


def upgrade() -> None:
    """Create everything in an empty file."""
    for statement in _TABLES:
        op.execute(statement)
