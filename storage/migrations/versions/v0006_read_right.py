"""What an older version has folded or read is found, so that it is folded or read again.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_STEPS = (
    "CREATE INDEX texts_by_fold ON texts (fold_version)",
    "CREATE INDEX texts_in_doubt ON texts (kind) WHERE unreliable = 1",
    # which reader has read a post, and what a later one found in the same bytes
    "ALTER TABLE posts ADD COLUMN reader INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE sources ADD COLUMN reader INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX posts_by_reader ON posts (source_id, reader)",
    """CREATE TABLE rereadings (
        id INTEGER NOT NULL,
        post_id INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        reader INTEGER NOT NULL,
        at INTEGER NOT NULL,
        title TEXT,
        text TEXT,
        links TEXT,
        poll TEXT,
        preview TEXT,
        content_hash TEXT NOT NULL,
        replaced TEXT NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (post_id, revision, reader),
        FOREIGN KEY (post_id) REFERENCES posts (id)
    ) STRICT""",
    # what is news of an edit: which texts it ended, and which revision rules have seen
    "ALTER TABLE texts ADD COLUMN ended INTEGER",
    "ALTER TABLE jobs ADD COLUMN seen INTEGER",
    "ALTER TABLE media ADD COLUMN reread INTEGER",
    # how the answer came in which a post was absent
    "ALTER TABLE observations ADD COLUMN fetch_id INTEGER REFERENCES fetches (id)",
    # by which version of the query language a rule was first read
    "ALTER TABLE rules ADD COLUMN language_version INTEGER NOT NULL DEFAULT 1",
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
