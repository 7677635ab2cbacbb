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
        PRIMARY KEY (id),
        FOREIGN KEY (match_id) REFERENCES matches (id)
    ) STRICT""",
    "CREATE INDEX acks_of ON acks (match_id)",
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
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
