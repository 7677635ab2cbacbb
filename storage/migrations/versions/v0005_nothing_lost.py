"""Views of everything that JSON shows; sources keep only the names of states of today.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0005"
down_revision = "0004"

_STEPS = (
    """UPDATE sources SET state = CASE state WHEN 'archive' THEN 'archive error' WHEN 'broken' THEN 'internal error'
        WHEN 'flood wait' THEN 'rate-limited' WHEN 'handle moved' THEN 'renamed'
        WHEN 'no channel' THEN 'not a channel' WHEN 'not offered' THEN 'not supported'
        WHEN 'preview off' THEN 'preview disabled' WHEN 'rate limited' THEN 'rate-limited'
        WHEN 'schema drift' THEN 'client outdated' ELSE state END""",
    # notices: 0 begins a trouble that lasts, 1 ends it
    "ALTER TABLE notices ADD COLUMN ends INTEGER",
    """UPDATE notices SET ends = text LIKE '% are fetched again' OR text LIKE '% works again' OR text LIKE '% go on'
        WHERE about = 'files' OR about LIKE 'files of %' OR about LIKE 'engine %'""",
    "CREATE INDEX notices_about ON notices (about, id)",
    # media: which file an engine is reading, and how often this process died of it
    "ALTER TABLE media ADD COLUMN reading_since INTEGER",
    "ALTER TABLE media ADD COLUMN crashes INTEGER",
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
