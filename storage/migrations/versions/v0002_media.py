"""The bytes of files and the words of machines: what was fetched and when to try again; how sure a text is.

This text is frozen: a later change of storage.migrations.schema needs a revision of its own.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_STEPS = (
    "ALTER TABLE media ADD COLUMN sniffed TEXT",
    "ALTER TABLE media ADD COLUMN size INTEGER",
    "ALTER TABLE media ADD COLUMN stored_at INTEGER",
    "ALTER TABLE media ADD COLUMN failures INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE media ADD COLUMN next_try_at INTEGER",
    "UPDATE media SET next_try_at = 0 WHERE state = 'pending'",
    "CREATE INDEX media_due ON media (next_try_at) WHERE state = 'pending'",
    "ALTER TABLE texts ADD COLUMN model TEXT",
    "ALTER TABLE texts ADD COLUMN unreliable INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE texts ADD COLUMN segments TEXT",
)


def upgrade() -> None:
    """Add the columns; files that wait for their bytes become due."""
    for statement in _STEPS:
        op.execute(statement)
