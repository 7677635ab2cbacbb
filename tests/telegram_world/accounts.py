"""Who may log in to the Telegram world: accounts, their codes and passwords, and the keys that are logged in."""

import os
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

from telethon.crypto import AuthKey
from telethon.tl import types

from tests.telegram_world.faults import Refusal
from tests.telegram_world.manners import Manners
from tests.telegram_world.signals import Emit, Tell
from tests.telegram_world.srp import Password

FROZEN_METHODS = frozenset(
    {
        "channels.getMessages",
        "channels.joinChannel",
        "contacts.resolveUsername",
        "messages.getDialogs",
        "messages.getHistory",
        "messages.importChatInvite",
        "updates.getChannelDifference",
        "updates.getDifference",
        "upload.getFile",
    }
)


@dataclass(slots=True)
class Account:
    """One person. `code` is what any login sends; `dc` is where the account lives; `polled` are channels it polls."""

    id: int
    phone: str
    code: str
    dc: int
    password: Password | None = None
    first_name: str = "Reader"
    channels_most: int = 500
    refusal: Refusal | None = None  # answers every call, as for a deactivated account
    frozen: frozenset[str] = frozenset()
    polled: dict[int, float] = field(default_factory=dict)  # channel id -> until when updates come passively
    entered: int = 0  # sign-ins that changed the worth of access hashes


@dataclass(slots=True)
class Key:
    """One authorization key of one data centre: what a session file holds."""

    auth: AuthKey
    dc: int
    salt: int
    account: Account | None = None
    awaits_password: Account | None = None
    refusal: Refusal | None = None  # answers every call, as for a revoked session
    sessions: set[int] = field(default_factory=set)

    @property
    def id(self) -> int:
        return int(self.auth.key_id)


@dataclass(slots=True)
class LoginToken:
    """A QR code on somebody's screen; `account` is who has accepted it."""

    key: Key
    until: float
    account: Account | None = None


class Accounts:
    """All accounts and keys. Thread-safe."""

    def __init__(self, lock: threading.RLock, emit: Emit, manners: Manners) -> None:
        self._lock = lock
        self._emit = emit
        self._manners = manners
        self._accounts: dict[str, Account] = {}
        self.keys: dict[tuple[int, int], Key] = {}
        self.code_hashes: dict[str, str] = {}  # phone_code_hash -> phone
        self.tokens: dict[bytes, LoginToken] = {}
        self.exports: dict[bytes, Account] = {}

    # What a test does

    def open(
        self, phone: str, *, code: str = "12345", password: str | None = None, dc: int = 2, channels_most: int = 500
    ) -> None:
        """A new account; `phone` in any writing, digits count."""
        with self._lock:
            digits = only_digits(phone)
            secret = Password(password) if password is not None else None
            self._accounts[digits] = Account(
                7_000_001 + len(self._accounts), digits, code, dc, secret, channels_most=channels_most
            )

    def end_sessions(self, phone: str, error: str = "SESSION_REVOKED", *, code: int = 401, told: bool = True) -> None:
        """Answer every call of the sessions that stand with this error, for good; new logins work.

        `told`: the server also pushes "too many updates", upon which a client asks, and learns of it.
        """
        with self._lock:
            for key in self._keys_of(phone):
                key.refusal = Refusal(code, error)
            if told:
                self._emit(Tell(types.UpdatesTooLong(), phone=only_digits(phone)))

    def duplicate_keys(self, phone: str) -> None:
        """The sessions' keys were used from two addresses at once: 406 AUTH_KEY_DUPLICATED for good."""
        self.end_sessions(phone, "AUTH_KEY_DUPLICATED", code=406)

    def deactivate(self, phone: str, error: str = "USER_DEACTIVATED_BAN") -> None:
        """The account is gone: every call of old and new sessions is refused with 401."""
        with self._lock:
            self.account(phone).refusal = Refusal(401, error)
            self._emit(Tell(types.UpdatesTooLong(), phone=only_digits(phone)))

    def freeze(self, phone: str, methods: frozenset[str] = FROZEN_METHODS) -> None:
        """Refuse these methods with 420 FROZEN_METHOD_INVALID, which names no seconds; an empty set thaws."""
        with self._lock:
            self.account(phone).frozen = methods

    def forget_keys(self) -> None:
        """Every key becomes unknown, as after a data centre lost its memory: -404 on the transport."""
        with self._lock:
            self.keys.clear()

    def rotate_salts(self) -> None:
        """Every key gets a new salt; the next message of each session meets bad_server_salt."""
        with self._lock:
            for key in self.keys.values():
                key.salt = new_salt()

    def accept_login_token(self, token: bytes, phone: str) -> None:
        """Scan a QR code with the telephone of this account. Raises Refusal for an unknown or old token."""
        with self._lock:
            self.scan(token, self.account(phone))

    def grant_key(self, phone: str) -> bytes:
        """A key that is logged in already, for a session file made by a test: no handshake, no code."""
        with self._lock:
            account = self.account(phone)
            auth = AuthKey(os.urandom(256))
            self.add_key(auth, account.dc).account = account
            self.entered(account)
            return bytes(auth.key)

    # What the answers ask

    def account(self, phone: str) -> Account:
        """Raises KeyError if nobody has this phone."""
        return self._accounts[only_digits(phone)]

    def all(self) -> tuple[Account, ...]:
        return tuple(self._accounts.values())

    def has(self, phone: str) -> bool:
        return only_digits(phone) in self._accounts

    def scan(self, token: bytes, account: Account) -> Key:
        login = self.tokens.get(token)
        if login is None:
            raise Refusal(400, "AUTH_TOKEN_INVALIDX")
        if login.account is not None:
            raise Refusal(400, "AUTH_TOKEN_ALREADY_ACCEPTED")
        login.account = account
        short = types.UpdateShort(types.UpdateLoginToken(), None)
        self._emit(Tell(short, key_id=login.key.id))
        return login.key

    def add_key(self, auth: AuthKey, dc: int) -> Key:
        with self._lock:
            key = Key(auth, dc, new_salt())
            self.keys[dc, key.id] = key
            return key

    def entered(self, account: Account) -> None:
        """Note a sign-in; where hashes belong to a session, those that were given before are worth nothing now."""
        account.entered += self._manners.hash_of_session

    def refuse(self, key: Key, method: str) -> None:
        """Raises Refusal if the key or its account may not call this method any more."""
        account = key.account
        refusal = key.refusal or (account.refusal if account else None)
        if refusal is not None:
            raise refusal
        if account is not None and method in account.frozen:
            raise Refusal(420, "FROZEN_METHOD_INVALID")

    def new_code_hash(self, phone: str) -> str:
        made = secrets.token_hex(9)
        self.code_hashes[made] = only_digits(phone)
        return made

    def _keys_of(self, phone: str) -> list[Key]:
        account = self.account(phone)
        return [key for key in self.keys.values() if key.account is account]


def only_digits(phone: str) -> str:
    return "".join(char for char in phone if char.isdigit())


def new_salt() -> int:
    return int.from_bytes(os.urandom(8), "little", signed=True)


def as_user(account: Account, *, own: bool = True) -> Any:
    """How an account is written in TL."""
    return types.User(
        account.id, is_self=own, access_hash=account.id * 31, first_name=account.first_name, phone=account.phone
    )
