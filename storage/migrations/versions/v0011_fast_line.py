"""What the whole line needs to be fast: the fingerprints of the newest texts wait to be indexed together.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0011"
down_revision = "0010"

_STEPS: tuple[str, ...] = (
    # fingerprints of a text, eight bytes each, until they are rows of event_prints
    """CREATE TABLE event_waiting_prints (
        text_id INTEGER NOT NULL,
        prints BLOB NOT NULL,
        PRIMARY KEY (text_id)
    ) STRICT""",
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
