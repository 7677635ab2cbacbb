"""Which engine has read a file, so that what nobody has read is found; work that gives way to what is fresh.

This text is frozen: a later change of storage.migrations.schema needs a revision of its own.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

_STEPS = (
    "ALTER TABLE media ADD COLUMN read_by TEXT",
    "ALTER TABLE media ADD COLUMN read_at INTEGER",
    "ALTER TABLE jobs ADD COLUMN patient INTEGER",
    "UPDATE jobs SET patient = 0 WHERE kind IN ('transcript', 'ocr')",
    """UPDATE media SET read_by = 'unknown', read_at = stored_at
        WHERE id IN (SELECT media_id FROM texts WHERE kind IN ('transcript', 'ocr'))""",
    "CREATE INDEX media_unread ON media (post_id) WHERE state = 'stored' AND read_by IS NULL",
    "CREATE INDEX jobs_newest ON jobs (kind, patient, post_id) WHERE patient IS NOT NULL",
)


def upgrade() -> None:
    """Add the columns; a file that has words made of it counts as read."""
    for statement in _STEPS:
        op.execute(statement)
