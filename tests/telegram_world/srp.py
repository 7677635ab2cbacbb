"""The server's half of a two-factor password check (core.telegram.org/api/srp): the password itself never travels."""

import hashlib
import os
from typing import Any

from telethon import password as telethon_password
from telethon.tl import types

from tests.telegram_world.handshake import PRIME, G


class Password:
    """A two-factor password as a server knows it: two salts and a verifier."""

    def __init__(self, secret: str, hint: str = "the usual one") -> None:
        self.hint = hint
        self.algorithm = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
            os.urandom(16), os.urandom(16), G, _bytes(PRIME)
        )
        self._verifier = int.from_bytes(telethon_password.compute_digest(self.algorithm, secret), "big")
        self._factor = int.from_bytes(_hash(_bytes(PRIME), _bytes(G)), "big")
        self._asked: dict[int, tuple[int, int]] = {}

    def ask(self) -> Any:
        """What account.getPassword answers; each question can be used for one check."""
        secret = int.from_bytes(os.urandom(256), "big")
        public = (self._factor * self._verifier + pow(G, secret, PRIME)) % PRIME
        number = int.from_bytes(os.urandom(7), "big")
        self._asked[number] = (secret, public)
        return types.account.Password(
            new_algo=self.algorithm,
            new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
            secure_random=os.urandom(32),
            has_password=True,
            current_algo=self.algorithm,
            srp_B=_bytes(public),
            srp_id=number,
            hint=self.hint,
        )

    def fits(self, number: int, theirs: bytes, proof: bytes) -> bool:
        """Whether the answer to a question shows the password. Raises KeyError for a question never asked."""
        secret, public = self._asked.pop(number)
        scramble = int.from_bytes(_hash(theirs.rjust(256, b"\0"), _bytes(public)), "big")
        shared = pow(int.from_bytes(theirs, "big") * pow(self._verifier, scramble, PRIME), secret, PRIME)
        prime, generator = _hash(_bytes(PRIME)), _hash(_bytes(G))
        expected = _hash(
            bytes(one ^ other for one, other in zip(prime, generator, strict=True)),
            _hash(self.algorithm.salt1),
            _hash(self.algorithm.salt2),
            theirs.rjust(256, b"\0"),
            _bytes(public),
            _hash(_bytes(shared)),
        )
        return expected == proof


def _bytes(number: int) -> bytes:
    return number.to_bytes(256, "big")


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()
