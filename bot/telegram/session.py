"""The session file: one key of one account, private, bound to this host, held by one process."""

import contextlib
import fcntl
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.contracts.settings import loose
from bot.errors import AlreadyRunning, UserError
from storage.frozen import dataclass

_MACHINE = Path("/etc/machine-id")
_LONGEST = 65_536


@dataclass(frozen=True, slots=True)
class SessionKey:
    """What signs in without a code: whoever has `key` reads as the account. `host` names the machine it was made on."""

    dc: int
    server: str
    port: int
    key: str  # hexadecimal
    user: str = ""
    name: str = ""
    host: str = ""

    def __repr__(self) -> str:
        return f"Session(dc={self.dc}, server={self.server!r}, user={self.user!r})"


def session_in(data_dir: Path, account: str = "") -> Path:
    """Name the session file of an account; it has no name where [telegram] describes the only one."""
    return data_dir / "state" / (f"telegram-{account}.session" if account else "telegram.session")


def this_host() -> str:
    """An anonymous name of this machine; empty if it has no lasting one."""
    try:
        machine = _MACHINE.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
    return hashlib.sha256(f"communique\0{machine}".encode()).hexdigest()[:32] if machine else ""


def write(path: Path, session: SessionKey) -> None:
    """Write the file whole or not at all, mode 0600 from its first moment."""
    _write_private(path, json.dumps(asdict(session), indent=1).encode())


def _write_private(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    unfinished.replace(path)


def read(path: Path) -> SessionKey | None:
    """The session, None if not signed in. Raises UserError for a file that must not or cannot be used."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    try:
        refusal = loose(path, os.fstat(descriptor), os.geteuid())
        if refusal:
            raise UserError(refusal)
        data = os.read(descriptor, _LONGEST)
    finally:
        os.close(descriptor)
    try:
        found = SessionKey(**json.loads(data))
        bytes.fromhex(found.key)
    except (ValueError, TypeError):
        raise UserError(f"{path} is damaged: sign in again with `communique login`") from None
    here = this_host()
    if found.host and here and found.host != here:
        raise UserError(
            f"{path} was made on another machine, and Telegram ends a session that is used from two places: "
            "sign in on this machine with `communique login`, and log out on the other"
        )
    return found


def remove(path: Path) -> None:
    """Forget the session; the account stays."""
    path.unlink(missing_ok=True)


def stamp(path: Path) -> tuple[int, int] | None:
    """What changes whenever another session is written; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that Telegram ended: its state, why, and what a person can do. `key` is the SHA-256 of its key."""

    key: str
    state: str
    reason: str
    remedy: str


def mark_ended(path: Path, session: SessionKey, state: str, reason: str, remedy: str) -> None:
    """Remember beside the session file that Telegram ended this key, whatever becomes of the archive and the clock."""
    ended = EndedSession(_digest(session), state, reason, remedy)
    with contextlib.suppress(OSError):  # then the next start asks once more
        _write_private(path.with_suffix(".ended"), json.dumps(asdict(ended), indent=1).encode())


def read_ended(path: Path, session: SessionKey) -> EndedSession | None:
    """How Telegram ended this key, which is then never shown to it again; None if it did not."""
    try:
        ended = EndedSession(**json.loads(path.with_suffix(".ended").read_bytes()[:_LONGEST]))
    except (OSError, ValueError, TypeError):
        return None
    return ended if ended.key == _digest(session) else None


def _digest(session: SessionKey) -> str:
    return hashlib.sha256(bytes.fromhex(session.key)).hexdigest()


class SessionLock:
    """The session in the hands of one process. Entering raises AlreadyRunning."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_suffix(".lock")
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunning("another process uses this Telegram session: stop it first") from None
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
