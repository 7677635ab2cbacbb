"""Passwords: Argon2id with the parameters of OWASP for little memory; a wrong name takes as long as a wrong password.

https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
"""

from __future__ import annotations

from functools import cache
from threading import Semaphore
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 8, 1000  # characters
_ONE_AT_A_TIME = Semaphore(1)  # each takes 19 MB


def find_fault(password: str) -> str | None:
    """Why nobody may have this password; None if it will do."""
    if len(password) < SHORTEST:
        return f"a password has at least {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"a password has at most {LONGEST} characters"
    return None


def hash_password(password: str) -> str:
    """What is kept of a password. Raises ModuleNotFoundError without argon2-cffi."""
    with _ONE_AT_A_TIME:
        return _hasher().hash(password.encode("utf-8", "surrogatepass"))


def check_password(kept: str | None, password: str) -> bool:
    """Whether it is the password of which this was kept; takes as long where there is none."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    with _ONE_AT_A_TIME:
        try:
            _hasher().verify(kept or _of_nobody(), password[: LONGEST + 1].encode("utf-8", "surrogatepass"))
        except (Argon2Error, InvalidHashError):
            return False
    return kept is not None


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@cache
def _of_nobody() -> str:
    return _hasher().hash(b"the password of nobody")
