"""What keeps alerts few: digests, mutes, facing statements, messages that grow, files that are copies.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0008"
down_revision = "0007"

_STEPS: tuple[str, ...] = (
    # digests: messages that list what was held
    """CREATE TABLE digests (
        id INTEGER NOT NULL,
        target TEXT NOT NULL,
        kind TEXT NOT NULL,
        window_from INTEGER NOT NULL,
        window_to INTEGER NOT NULL,
        made_at INTEGER NOT NULL,
        delivery_id INTEGER,
        after_delivery INTEGER,
        PRIMARY KEY (id)
    ) STRICT""",
    "CREATE INDEX digests_of ON digests (target, kind, id)",
    """CREATE TABLE digest_schedules (
        target TEXT NOT NULL,
        covered_until INTEGER NOT NULL,
        last_delivery INTEGER NOT NULL,
        PRIMARY KEY (target)
    ) STRICT""",
    "ALTER TABLE deliveries ADD COLUMN held TEXT",
    "ALTER TABLE deliveries ADD COLUMN digest_id INTEGER REFERENCES digests (id)",
    "ALTER TABLE deliveries ADD COLUMN held_until INTEGER",
    "DROP INDEX deliveries_due",
    "CREATE INDEX deliveries_due ON deliveries (target, state, held, not_before)",
    "DROP INDEX deliveries_in_order",
    "CREATE INDEX deliveries_in_order ON deliveries (target, priority, id) WHERE state = 'pending' AND held IS NULL",
    "CREATE INDEX deliveries_held ON deliveries (target, held, priority, created_at) WHERE held IS NOT NULL",
    "CREATE INDEX deliveries_by_digest ON deliveries (digest_id) WHERE digest_id IS NOT NULL",
    # messages that grow, and statements that face each other
    """CREATE TABLE event_messages (
        delivery_id INTEGER NOT NULL,
        shown TEXT NOT NULL,
        copies INTEGER NOT NULL,
        edits INTEGER NOT NULL,
        due_at INTEGER,
        not_before INTEGER NOT NULL,
        ended TEXT,
        PRIMARY KEY (delivery_id),
        FOREIGN KEY (delivery_id) REFERENCES deliveries (id)
    ) STRICT""",
    "CREATE INDEX event_messages_due ON event_messages (due_at) WHERE due_at IS NOT NULL",
    """CREATE TABLE facing (
        match_id INTEGER NOT NULL,
        faces INTEGER NOT NULL,
        PRIMARY KEY (match_id),
        FOREIGN KEY (match_id) REFERENCES matches (id),
        FOREIGN KEY (faces) REFERENCES matches (id)
    ) STRICT""",
    "CREATE INDEX facing_of ON facing (faces)",
    "CREATE INDEX matches_by_rule ON matches (rule, at)",
    # what people answer
    """CREATE TABLE acks (
        id INTEGER NOT NULL,
        match_id INTEGER NOT NULL,
        who TEXT NOT NULL,
        at INTEGER NOT NULL,
        buttons INTEGER NOT NULL DEFAULT 1,
        PRIMARY KEY (id),
        FOREIGN KEY (match_id) REFERENCES matches (id)
    ) STRICT""",
    "CREATE INDEX acks_of ON acks (match_id)",
    "CREATE INDEX acks_with_buttons ON acks (id) WHERE buttons = 1",
    """CREATE TABLE bots (
        bot TEXT NOT NULL,
        next_update INTEGER NOT NULL,
        heard_at INTEGER NOT NULL,
        PRIMARY KEY (bot)
    ) STRICT""",
    """CREATE TABLE bot_answers (
        id INTEGER NOT NULL,
        command TEXT NOT NULL,
        words TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (id)
    ) STRICT""",
    """CREATE TABLE verdicts (
        id INTEGER NOT NULL,
        match_id INTEGER NOT NULL,
        who TEXT NOT NULL,
        verdict TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY (match_id) REFERENCES matches (id)
    ) STRICT""",
    "CREATE INDEX verdicts_of ON verdicts (match_id)",
    "ALTER TABLE deliveries ADD COLUMN escalates INTEGER REFERENCES matches (id)",
    "CREATE UNIQUE INDEX deliveries_escalating ON deliveries (escalates, target) WHERE escalates IS NOT NULL",
    "CREATE INDEX deliveries_unanswered ON deliveries (target) WHERE kind = 'escalation' AND state = 'pending'",
    """CREATE TABLE mutes (
        id INTEGER NOT NULL,
        rule TEXT,
        source TEXT,
        tag TEXT,
        "query" TEXT,
        target TEXT,
        even_max INTEGER NOT NULL,
        from_at INTEGER NOT NULL,
        until INTEGER NOT NULL,
        why TEXT NOT NULL,
        who TEXT NOT NULL,
        ended_at INTEGER,
        ended_by TEXT,
        PRIMARY KEY (id)
    ) STRICT""",
    "ALTER TABLE deliveries ADD COLUMN mute_id INTEGER",
    "ALTER TABLE deliveries ADD COLUMN asked INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX deliveries_of_mute ON deliveries (mute_id) WHERE mute_id IS NOT NULL",
    # files, pictures and what people said are steps of placing posts, beside the revisions
    "ALTER TABLE media ADD COLUMN picture TEXT",
    "ALTER TABLE event_origins ADD COLUMN post_id INTEGER",
    "ALTER TABLE event_posts ADD COLUMN apart INTEGER DEFAULT 0 NOT NULL",
    "DROP INDEX event_words_equal",
    "CREATE INDEX event_words_equal ON event_words (digest, at)",
    "CREATE INDEX event_words_by_time ON event_words (at)",
    """CREATE TABLE event_steps (
        id INTEGER NOT NULL,
        after INTEGER NOT NULL,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        post_id INTEGER NOT NULL,
        media_id INTEGER,
        text_id INTEGER,
        other INTEGER,
        unread INTEGER DEFAULT 0 NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY (post_id) REFERENCES posts (id)
    ) STRICT""",
    """CREATE TABLE event_links (
        post_id INTEGER NOT NULL,
        other INTEGER NOT NULL,
        reason TEXT NOT NULL,
        file TEXT NOT NULL,
        measure REAL,
        PRIMARY KEY (post_id, other, reason, file)
    ) WITHOUT ROWID, STRICT""",
    "CREATE INDEX event_links_by_file ON event_links (file) WHERE file <> ''",
    "CREATE INDEX event_links_to ON event_links (other)",
    """CREATE TABLE event_files (
        sha256 TEXT NOT NULL,
        post_id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        forward TEXT,
        tokens TEXT,
        PRIMARY KEY (sha256, post_id)
    ) WITHOUT ROWID, STRICT""",
    "CREATE INDEX event_files_of ON event_files (post_id)",
    "CREATE TABLE event_banners (sha256 TEXT NOT NULL, PRIMARY KEY (sha256)) STRICT",
    """CREATE TABLE event_pictures (
        media_id INTEGER NOT NULL,
        post_id INTEGER NOT NULL,
        signature TEXT NOT NULL,
        words TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (media_id)
    ) STRICT""",
    "CREATE INDEX event_pictures_of ON event_pictures (post_id)",
    """CREATE TABLE event_bands (
        band INTEGER NOT NULL,
        media_id INTEGER NOT NULL,
        PRIMARY KEY (band, media_id)
    ) WITHOUT ROWID, STRICT""",
    "CREATE INDEX event_bands_of ON event_bands (media_id)",
    # what an earlier release stored of files counts as come with the post: when it came among others is not known
    """INSERT INTO event_steps (after, at, kind, post_id, media_id, text_id, other)
    SELECT * FROM (
        SELECT r.id AS after, coalesce(m.stored_at, r.collected_at), 'file', m.post_id, m.id, NULL, NULL
        FROM media m JOIN revisions r ON r.post_id = m.post_id AND r.number = 0 WHERE m.sha256 IS NOT NULL
        UNION ALL SELECT r.id, r.collected_at, 'read', t.post_id, t.media_id, t.id, NULL
        FROM texts t JOIN revisions r ON r.post_id = t.post_id AND r.number = 0
        WHERE t.kind IN ('transcript', 'ocr') AND t.current = 1
        UNION ALL SELECT (SELECT coalesce(max(r.id), 0) FROM revisions r WHERE r.collected_at <= c.at), c.at,
            c.kind, c.post_id, NULL, NULL, c.other FROM event_corrections c
    ) ORDER BY after""",
    "INSERT INTO meta (key, value) SELECT 'events_steps_placed', CAST(coalesce(max(id), 0) AS TEXT) FROM event_steps",
    # each copy was joined to the first statement, or by a message that both forward: how exactly was not kept
    """INSERT INTO event_links (post_id, other, reason, file, measure)
    SELECT post_id, event_id, reason, '', measure FROM event_posts WHERE post_id <> event_id""",
    "UPDATE event_origins SET post_id = event_id",
    # gaps of which people hear; those of an older release are no news
    "ALTER TABLE gaps ADD COLUMN said INTEGER NOT NULL DEFAULT 0",
    "UPDATE gaps SET said = iif(closed_at IS NULL, 1, 2)",
    "CREATE INDEX gaps_unsaid ON gaps (id) WHERE said < 2",
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
