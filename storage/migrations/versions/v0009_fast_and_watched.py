"""What makes the archive fast and small, and what is learnt about sources: their habits and their identity.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0009"
down_revision = "0008"

_STEPS: tuple[str, ...] = ("ALTER TABLE posts ADD COLUMN service INTEGER NOT NULL DEFAULT 0",)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
