"""What an account at Telegram has learnt: peers, waits, spent calls, its state, watches, requests.

This text is frozen: a later change of storage.migrations.schema needs a revision of its own.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

_TABLES = (
    """CREATE TABLE telegram_account (
        id INTEGER NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        remedy TEXT,
        state_since INTEGER NOT NULL,
        user TEXT,
        PRIMARY KEY (id)
    ) STRICT""",
    """CREATE TABLE telegram_peers (
        account TEXT NOT NULL,
        asked TEXT NOT NULL,
        channel_id INTEGER NOT NULL,
        access_hash INTEGER NOT NULL,
        handle TEXT,
        title TEXT,
        joined INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (account, asked)
    ) STRICT""",
    """CREATE TABLE telegram_waits (
        method TEXT NOT NULL,
        until INTEGER NOT NULL,
        PRIMARY KEY (method)
    ) STRICT""",
    """CREATE TABLE telegram_spent (
        id INTEGER NOT NULL,
        method TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (id)
    ) STRICT""",
    """CREATE TABLE telegram_watches (
        source TEXT NOT NULL,
        mode TEXT NOT NULL,
        joined INTEGER NOT NULL,
        PRIMARY KEY (source)
    ) STRICT""",
    """CREATE TABLE telegram_requests (
        id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        source TEXT NOT NULL,
        asked_at INTEGER NOT NULL,
        done_at INTEGER,
        outcome TEXT,
        detail TEXT,
        PRIMARY KEY (id)
    ) STRICT""",
)


def upgrade() -> None:
    """Add what the account needs; nothing that was archived is touched."""
    for statement in _TABLES:
        op.execute(statement)
