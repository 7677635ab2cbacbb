"""An unmodified Telethon client pointed at a served world, logged in already if a test wants no login."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import telethon
from telethon.crypto import AuthKey, rsa
from telethon.sessions import MemorySession

from tests.telegram_world.server import Served
from tests.telegram_world.state import World


def client_of(served: Served, key: bytes | None = None, **settings: Any) -> Any:
    """A client that knows where the world is and by which key; `key` is one that `accounts.grant_key` made."""
    rsa.add_key(served.public_key_file.read_text(encoding="ascii"), old=False)
    session = MemorySession()
    session.set_dc(served.dc, served.host, served.port)
    session.auth_key = AuthKey(key) if key else None
    # Telethon keeps help.getConfig, so the ports, on the class: each world needs a class of its own
    own = type("OwnClient", (telethon.TelegramClient,), {})
    return own(session, 1, "hash", **{"retry_delay": 0, "flood_sleep_threshold": 0, **settings})


@asynccontextmanager
async def visiting(served: Served, world: World, phone: str, **settings: Any) -> AsyncIterator[Any]:
    """A client of this account, connected and logged in, and disconnected at the end."""
    client = client_of(served, world.accounts.grant_key(phone), **settings)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()
