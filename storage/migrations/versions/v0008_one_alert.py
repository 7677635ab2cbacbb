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
        PRIMARY KEY (id)
    ) STRICT""",
    "CREATE INDEX digests_of ON digests (target, kind, id)",
    "ALTER TABLE deliveries ADD COLUMN held TEXT",
    "ALTER TABLE deliveries ADD COLUMN digest_id INTEGER REFERENCES digests (id)",
    "DROP INDEX deliveries_in_order",
    "CREATE INDEX deliveries_in_order ON deliveries (target, priority, id) WHERE state = 'pending' AND held IS NULL",
    "CREATE INDEX deliveries_held ON deliveries (target, held) WHERE held IS NOT NULL",
    "CREATE INDEX deliveries_by_digest ON deliveries (digest_id) WHERE digest_id IS NOT NULL",
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
