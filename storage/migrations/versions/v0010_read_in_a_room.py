"""What the reading room needs: deletions and returns of posts in their order, so that none is missed or repeated.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0010"
down_revision = "0009"

_STEPS: tuple[str, ...] = (
    # when a post was established to be gone, or to be back
    """CREATE TABLE disappearances (
        id INTEGER NOT NULL,
        post_id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        gone INTEGER NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY (post_id) REFERENCES posts (id)
    ) STRICT""",
    # what people asked for on a page and was done: a request that is taken up again changes nothing
    """CREATE TABLE done_requests (
        "key" TEXT NOT NULL,
        at INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        said TEXT NOT NULL,
        PRIMARY KEY ("key")
    ) STRICT""",
    # the files that are asked for by the hash of their bytes
    "CREATE INDEX media_by_content ON media (sha256) WHERE sha256 IS NOT NULL",
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
