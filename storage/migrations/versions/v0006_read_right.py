"""What an older version has folded is found, so that it is folded again.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_STEPS = ("CREATE INDEX texts_by_fold ON texts (fold_version)",)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
