"""Telethon as we use it: no sleeping, no reconnecting and no differences of its own; updates become hints at once."""

import asyncio
import contextlib
import logging
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import rsa
from telethon import TelegramClient, errors
from telethon.crypto import AuthKey
from telethon.crypto import rsa as known_keys
from telethon.sessions import MemorySession
from telethon.tl import functions, types
from telethon.tl.alltlobjects import LAYER

from bot.errors import Later, Never
from bot.telegram.proxies import choose_connection
from bot.telegram.refusals import is_unsupported
from bot.telegram.session import SessionKey
from bot.telegram.unknown_types import channels_in, skip_unknown_types
from storage.frozen import dataclass
from storage.state_names import CLIENT_OUTDATED, NO_ANSWER, UNREACHABLE, WRONG_SERVER_KEY

CONNECT_S = 15  # of the TCP connection alone
AGREE_S = 24.0  # of it and of the agreement on a key, where there is none yet
HELLO_S = 10.0  # of the first call, which only names the API layer
_ITS_OWN = 500  # and above: a server's own troubles
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks and where: the [telegram] section as it is used. `server` None: Telegram's own data centres."""

    api_id: int
    api_hash: str
    server: tuple[str, int] | None = None
    dc: int = 2
    public_key: Path | None = None
    proxy: str | None = None

    def __repr__(self) -> str:
        return f"Access(api_id={self.api_id}, server={self.server})"


@dataclass(frozen=True, slots=True)
class Hint:
    """Something moved in a channel: ask it. `channel_id` None: in any. `ids` were edited, or removed if `gone`."""

    channel_id: int | None
    ids: tuple[int, ...] = ()
    gone: bool = False


class _KeyOnlySession(MemorySession):  # type: ignore[misc]  # Telethon has no types
    """Keeps the key and nothing else: peers are in our own table, and the people in a reply are not collected."""

    def process_entities(self, tlo: object) -> None:
        """Keep nothing."""


class _NoWaits(dict[int, float]):
    """Waits are kept by `budget`, across restarts; Telethon's own would last longer where a clock was set back."""

    def __setitem__(self, constructor: int, until: float) -> None:
        """Keep nothing."""


class _LastError(logging.Logger):
    """Keeps the last exception that Telethon only logs: of a failed key exchange it raises no reason."""

    def __init__(self) -> None:
        super().__init__("telethon", logging.WARNING)
        self.problem: BaseException | None = None

    def getChild(self, suffix: str) -> "_LastError":  # noqa: ARG002, N802 - logging's own name; one for all its modules
        """Itself."""
        return self

    def handle(self, record: logging.LogRecord) -> None:
        """Keep the exception and write nothing: Telethon logs whole requests."""
        args = record.args if isinstance(record.args, tuple) else ()
        self.problem = next((one for one in args if isinstance(one, BaseException)), self.problem)


@dataclass(frozen=True, slots=True)
class _Hearers:
    """Who hears of what comes unasked: hints, updates that are no hint, and that one could not be read."""

    on_hint: Callable[[Hint], None]
    on_update: Callable[[Any], None]
    on_unreadable: Callable[[], None]

    def update(self, update: Any) -> None:
        """Give one update away."""
        hints = tuple(read_hints(update))
        for hint in hints:
            self.on_hint(hint)
        if not hints:
            self.on_update(update)

    def unreadable(self, data: bytes) -> None:
        """Hint at the channels that the bytes of an update name."""
        for number in channels_in(data):
            self.on_hint(Hint(number))
        self.on_unreadable()


class _PlainClient(TelegramClient):  # type: ignore[misc]
    """Connects once and does not wait, ping or ask by itself; what comes unasked it gives away at once."""

    def __init__(self, access: Access, key_session: _KeyOnlySession, hearers: _Hearers, hello_s: float) -> None:
        self._access, self._hearers, self._hello_s, self._last_error = access, hearers, hello_s, _LastError()
        connection, proxy = choose_connection(access.proxy)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that an MTProxy needs python-socks
            super().__init__(
                key_session,
                access.api_id,
                access.api_hash,
                connection=connection,
                proxy=proxy,
                use_ipv6=":" in (key_session.server_address or ""),
                timeout=CONNECT_S,
                request_retries=1,
                connection_retries=0,
                retry_delay=0,
                auto_reconnect=False,
                flood_sleep_threshold=0,
                raise_last_call_error=True,
                device_model="communique",
                system_version="1",
                app_version="1",
                catch_up=False,
                base_logger=self._last_error,
            )
        self._flood_waited_requests = _NoWaits()  # no setting turns them off
        skip_unknown_types(self, hearers.unreadable)

    async def connect(self) -> None:
        """Raises Later and Never where no key could be agreed upon, and whatever the wire raises.

        The first call names the API layer; its answer is not needed.
        """
        self._loop = asyncio.get_running_loop()
        place = (self.session.server_address, self.session.port, self.session.dc_id)
        try:
            async with asyncio.timeout(AGREE_S):
                await self._sender.connect(self._connection(*place, loggers=self._log, proxy=self._proxy))
        except TimeoutError as problem:
            raise Later("the server accepts the connection and does not answer", state=NO_ANSWER) from problem
        except (ConnectionError, EOFError, BufferError, ValueError) as problem:
            raise _explain_no_key(self._access, self._last_error.problem or problem) from problem
        self.session.auth_key = self._sender.auth_key
        self._init_request.query = functions.help.GetConfigRequest()
        with contextlib.suppress(TimeoutError, errors.TypeNotFoundError):
            async with asyncio.timeout(self._hello_s):
                try:
                    await self._sender.send(functions.InvokeWithLayerRequest(LAYER, self._init_request))
                except errors.RPCError as refused:
                    if abs(refused.code or 0) < _ITS_OWN and not is_unsupported(refused):
                        raise
        self._updates_handle = asyncio.create_task(self._update_loop())
        self._keepalive_handle = asyncio.create_task(self._keepalive_loop())

    async def get_me(self, input_peer: bool = False) -> None:
        """Do nothing: the session file says who is signed in."""

    async def _update_loop(self) -> None:
        while True:
            update = await self._updates_queue.get()
            self._hearers.update(update)

    async def _keepalive_loop(self) -> None:
        """Nothing: the supervisor probes, and a probe is more than a ping."""


def build_client(
    access: Access,
    session: SessionKey | None,
    on_hint: Callable[[Hint], None],
    on_update: Callable[[Any], None],
    *,
    on_unreadable: Callable[[], None] = lambda: None,
    hello_s: float = HELLO_S,
) -> Any:
    """A client that is not connected yet. `on_update` gets every update that is no hint (a login token).

    `on_unreadable` is called for each update that Telethon cannot read; the channels that it names are hinted.
    `access.server` is used even if the session was made at another address: a key belongs to a data centre, not to an
    address. Raises Never for an unusable key file or proxy.
    """
    logging.getLogger("telethon").setLevel(logging.CRITICAL)  # it logs what is settled by us, with whole requests
    if access.public_key is not None:
        add_key(access.public_key)

    class Client(_PlainClient):
        """One class each: Telethon keeps the server's config on it."""

    return Client(access, _read_key(access, session), _Hearers(on_hint, on_update, on_unreadable), hello_s)


def _read_key(access: Access, session: SessionKey | None) -> _KeyOnlySession:
    """The key and the place that it is used at, as Telethon takes them."""
    found = _KeyOnlySession()
    if access.server is not None and (session is None or session.dc == access.dc):
        found.set_dc(access.dc, *access.server)
    elif session is not None:
        found.set_dc(session.dc, session.server, session.port)
    if session is not None:
        found.auth_key = AuthKey(bytes.fromhex(session.key))
    return found


async def call_within(asked: Awaitable[_T], seconds: float) -> _T:
    """Raises TimeoutError, and ConnectionError where Telethon cancels what we wait for because it lost its wire.

    Whoever cancels us is obeyed, also where `asyncio.wait_for`, by which Telethon connects, swallows it (Python 3.11).
    """
    task = asyncio.current_task()
    assert task is not None
    before = task.cancelling()
    problem: BaseException
    try:
        async with asyncio.timeout(seconds):
            found = await asked
    except asyncio.CancelledError:
        problem = ConnectionError("the connection was lost")
    except Exception as raised:  # noqa: BLE001 - it is raised again
        problem = raised
    else:
        if task.cancelling() == before:
            return found
    if task.cancelling() > before:
        raise asyncio.CancelledError
    raise problem


async def disconnect(client: Any) -> None:
    """Disconnect within five seconds, and take what the connection ended with: else asyncio prints a traceback."""
    with contextlib.suppress(Exception):
        await call_within(client.disconnect(), 5)
    end = client.disconnected
    if end.done() and not end.cancelled():
        end.exception()


async def call_data_centre(client: Any, request: Any, dc: int) -> Any:
    """Ask another data centre; a connection there that failed is forgotten, so that the next call builds another."""
    sender = await client._borrow_exported_sender(dc)  # noqa: SLF001 - Telethon has no public way to one data centre
    try:
        return await client._call(sender, request)  # noqa: SLF001
    except (OSError, asyncio.CancelledError):
        client._borrowed_senders.pop(dc, None)  # noqa: SLF001
        await sender.disconnect()
        raise
    finally:
        if dc in client._borrowed_senders:  # noqa: SLF001
            await client._return_exported_sender(sender)  # noqa: SLF001


def _explain_no_key(access: Access, problem: BaseException) -> Later | Never:
    """Why the server and we do not agree on a key; `problem` is what Telethon met."""
    if isinstance(problem, errors.SecurityError) and "valid key" in str(problem):
        if access.server is not None:
            return Never(
                "the server does not have the key of [telegram] public_key_file",
                remedy="name the file with the public key of this server",
                state=WRONG_SERVER_KEY,
            )
        return Never(
            "Telegram's servers use unknown keys",
            remedy="upgrade communique",
            state=CLIENT_OUTDATED,
        )
    if isinstance(problem, EOFError | ConnectionError):
        return Later("the server closed the connection at once", state=UNREACHABLE, unsure=True)
    return Later(f"the server does not speak MTProto ({type(problem).__name__})", state=UNREACHABLE, unsure=True)


def add_key(path: Path) -> None:
    """Make the public key of a test or own server known. Raises Never for a file that holds none."""
    try:
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        key = rsa.PublicKey.load_pkcs1_openssl_pem(data) if b"BEGIN PUBLIC" in data else rsa.PublicKey.load_pkcs1(data)
    except OSError as error:
        raise _no_key_file(f"{path}: {error.strerror}") from None
    except Exception:  # noqa: BLE001 - the parsers of keys raise anything
        held = "a private key, which is the server's secret:" if b"PRIVATE KEY-----" in data else "no RSA public key;"
        what = "it needs the public one, PEM of PKCS#1 or of X.509 (`openssl rsa -in KEY -pubout`)"
        raise _no_key_file(f"{path} holds {held} {what}") from None
    known_keys.add_key(key.save_pkcs1().decode(), old=False)


def _no_key_file(words: str) -> Never:
    return Never(f"[telegram] public_key_file {words}", state=WRONG_SERVER_KEY)


def session_of(client: Any, *, user: str, name: str, host: str) -> SessionKey:
    """What a client that has just signed in is to be remembered by."""
    kept = client.session
    return SessionKey(kept.dc_id, kept.server_address, kept.port, kept.auth_key.key.hex(), user, name, host)


def read_hints(update: Any) -> list[Hint]:
    """Which channels an Updates object concerns. Never raises: what it cannot read moves nothing."""
    if isinstance(update, types.UpdatesTooLong):
        return [Hint(None)]
    inner = getattr(update, "updates", None) or [getattr(update, "update", update)]
    found: list[Hint] = []
    for one in inner:
        with contextlib.suppress(AttributeError):
            found.extend(_hint(one))
    return found


def _hint(one: Any) -> list[Hint]:
    if isinstance(one, types.UpdateNewChannelMessage):
        return [Hint(one.message.peer_id.channel_id)]
    if isinstance(one, types.UpdateEditChannelMessage):
        if getattr(one.message, "edit_hide", False):  # views and reactions, of which nothing is stored
            return []
        return [Hint(one.message.peer_id.channel_id, (one.message.id,))]
    if isinstance(one, types.UpdateDeleteChannelMessages):
        return [Hint(one.channel_id, tuple(one.messages), gone=True)]
    if isinstance(one, types.UpdateChannelTooLong | types.UpdateChannel):
        return [Hint(one.channel_id)]
    return []
