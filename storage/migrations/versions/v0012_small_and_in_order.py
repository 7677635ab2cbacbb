"""Small posts: words are kept once, in `texts`. In order: what undecided posts said when a rule was first loaded.

And the language of texts in an index.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0012"
down_revision = "0011"

_STEPS: tuple[str, ...] = (
    "CREATE INDEX disappearances_by_post ON disappearances (post_id)",
    """CREATE TABLE undecided (
        post_id INTEGER NOT NULL,
        loaded_seq INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        PRIMARY KEY (post_id, loaded_seq),
        FOREIGN KEY(post_id) REFERENCES posts (id)
    ) WITHOUT ROWID, STRICT""",
    # of the text of its post that holds its words; NULL: `text` holds them
    "ALTER TABLE revisions ADD COLUMN text_number INTEGER",
    # one index for both: a language beside the version takes three bytes, an index of its own fifteen
    "DROP INDEX texts_by_fold",
    "CREATE INDEX texts_by_fold ON texts (fold_version, language)",
    # the fingerprints of a text follow from its words
    "DROP INDEX event_prints_of",
    # the folded form, without what the text has of it; NULL: `folded` holds it
    "ALTER TABLE texts ADD COLUMN packed BLOB",
    # the text that stands in the bytes, by which they are packed; and of how many posts a dictionary was made
    "ALTER TABLE raw ADD COLUMN text_id INTEGER",
    "ALTER TABLE dictionaries ADD COLUMN samples INTEGER",
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
