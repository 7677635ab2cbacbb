"""What makes the archive fast and small, and what is learnt about sources: their habits and their identity.

This text is frozen once it is released: a later change of the tables needs a revision of its own. Views and triggers
are made again after every upgrade (see storage.migrations.migrate).
"""

from alembic import op

revision = "0009"
down_revision = "0008"

_STEPS: tuple[str, ...] = (
    "ALTER TABLE posts ADD COLUMN service INTEGER NOT NULL DEFAULT 0",
    # silences of sources that were reported or accepted
    """CREATE TABLE silences (
        id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        slot TEXT NOT NULL,
        since INTEGER NOT NULL,
        said_at INTEGER,
        accepted_until INTEGER,
        ended_at INTEGER,
        PRIMARY KEY (id),
        FOREIGN KEY (source_id) REFERENCES sources (id)
    ) STRICT""",
    # who sources are, and what of that has changed
    "ALTER TABLE sources ADD COLUMN picture TEXT",
    "ALTER TABLE sources ADD COLUMN moved_to TEXT",
    "ALTER TABLE sources ADD COLUMN pace INTEGER",  # where its host cannot be asked as often as the config says
    """CREATE TABLE identity_changes (
        id INTEGER NOT NULL,
        source_id INTEGER NOT NULL,
        at INTEGER NOT NULL,
        what TEXT NOT NULL,
        before TEXT,
        after TEXT,
        said INTEGER NOT NULL,
        PRIMARY KEY (id),
        FOREIGN KEY (source_id) REFERENCES sources (id)
    ) STRICT""",
    "CREATE INDEX identity_changes_of ON identity_changes (source_id, what, at)",
    "CREATE INDEX identity_changes_unsaid ON identity_changes (id) WHERE said = 0",
    "CREATE INDEX silences_open ON silences (source_id) WHERE ended_at IS NULL",
    # files that follow their alert, topics of events, and what people say of a chat that has moved
    "CREATE INDEX deliveries_of_files ON deliveries (id) WHERE kind = 'files' AND state = 'pending'",
    "ALTER TABLE targets ADD COLUMN move_answer TEXT",
    """CREATE TABLE topics (
        target TEXT NOT NULL,
        chat TEXT NOT NULL,
        event_id INTEGER NOT NULL,
        state TEXT NOT NULL,
        topic INTEGER,
        renewed INTEGER NOT NULL DEFAULT 0,
        opened_at INTEGER NOT NULL,
        PRIMARY KEY (target, chat, event_id)
    ) STRICT""",
    "CREATE INDEX topics_open ON topics (opened_at) WHERE state = 'open'",
    # what `has:` asks for
    "CREATE INDEX media_by_kind ON media (kind, post_id)",
    "CREATE INDEX posts_forwarded ON posts (id) WHERE forward IS NOT NULL",
    "CREATE INDEX posts_replying ON posts (id) WHERE reply_to IS NOT NULL",
    "CREATE INDEX posts_edited ON posts (id) WHERE edited_at IS NOT NULL OR revision > 0",
    # the full-text index with one row a post, which storage.posts.index_move fills: until then the old one is asked
    (
        "CREATE VIRTUAL TABLE posts_index USING fts5(body, poll, attached, card, transcript, ocr, file, notice, "
        'quoted, translation, earlier, content="posts_words", content_rowid="id", columnsize=0, '
        "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'\")"
    ),
    "CREATE TABLE words (word TEXT NOT NULL, PRIMARY KEY (word)) WITHOUT ROWID, STRICT",
    # what received bytes have in common
    """CREATE TABLE dictionaries (
        id INTEGER NOT NULL,
        mime TEXT NOT NULL,
        made_at INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (id)
    ) STRICT""",
    """INSERT INTO meta (key, value) VALUES ('index_move', '{"floor": 281474976710656, "done": 0, "total": 0}')""",
)


def upgrade() -> None:
    """Run every step; the rows of posts, revisions and texts stay as they are."""
    for statement in _STEPS:
        op.execute(statement)
