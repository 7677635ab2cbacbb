"""The exchange in which a client and the world agree on an authorization key (core.telegram.org/mtproto/auth_key)."""

import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import rsa
from telethon import helpers
from telethon.crypto import AES, AuthKey
from telethon.crypto import rsa as telethon_rsa
from telethon.extensions import BinaryReader
from telethon.tl import functions, types

PUBLIC_KEY_FILE = Path(__file__).with_name("public_key.pem")
_PRIVATE_KEY_FILE = Path(__file__).with_name("private_key.pem")  # of this world only; it protects nothing
_P, _Q = 65_537, 65_539  # the "proof of work": small, so that no test waits for it
G = 3
PRIME = int(  # the well-known safe prime of Telegram's own servers; clients refuse to check another quickly
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4db"
    "fa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64"
    "2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b41"
    "0dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4"
    "e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf"
    "6f4fadf034b10403119cd8e3b92fcc5b",
    16,
)


@cache
def _private_key() -> rsa.PrivateKey:
    return rsa.PrivateKey.load_pkcs1(_PRIVATE_KEY_FILE.read_bytes())


@cache
def fingerprint() -> int:
    """What a client calls the world's key by."""
    return int(telethon_rsa._compute_fingerprint(rsa.PublicKey.load_pkcs1(PUBLIC_KEY_FILE.read_bytes())))


def read_object(data: bytes) -> Any:
    """The TL object that these bytes begin with. Raises TypeNotFoundError for an unknown constructor."""
    with BinaryReader(data) as reader:
        return reader.tgread_object()


@dataclass(slots=True)
class Handshake:
    """One exchange: plain requests in, plain replies out, and at its end `key` is set."""

    server_time: int
    key: AuthKey | None = None
    _nonce: int = 0
    _server_nonce: int = 0
    _new_nonce: int = 0
    _secret: int = 0

    def answer(self, request: Any) -> Any:
        """Raises ValueError for what is no part of the exchange."""
        if isinstance(request, functions.ReqPqMultiRequest):
            self._nonce = request.nonce
            self._server_nonce = int.from_bytes(os.urandom(16), "little", signed=True)
            return types.ResPQ(self._nonce, self._server_nonce, (_P * _Q).to_bytes(8, "big"), [fingerprint()])
        if isinstance(request, functions.ReqDHParamsRequest):
            return self._parameters(request.encrypted_data)
        if isinstance(request, functions.SetClientDHParamsRequest):
            return self._agree(request.encrypted_data)
        raise ValueError(f"{type(request).__name__} is no part of a handshake")

    def _parameters(self, encrypted: bytes) -> Any:
        opened = _private_key().blinded_decrypt(int.from_bytes(encrypted, "big")).to_bytes(256, "big")
        self._new_nonce = read_object(opened[21:]).new_nonce
        self._secret = int.from_bytes(os.urandom(256), "big")
        ours = pow(G, self._secret, PRIME).to_bytes(256, "big")
        inner = bytes(
            types.ServerDHInnerData(
                self._nonce, self._server_nonce, G, PRIME.to_bytes(256, "big"), ours, self.server_time
            )
        )
        inner = hashlib.sha1(inner, usedforsecurity=False).digest() + inner
        padded = inner + os.urandom(-len(inner) % 16)
        return types.ServerDHParamsOk(self._nonce, self._server_nonce, AES.encrypt_ige(padded, *self._temporary()))

    def _agree(self, encrypted: bytes) -> Any:
        theirs = read_object(AES.decrypt_ige(encrypted, *self._temporary())[20:]).g_b
        # Telethon drops leading zero bytes of the key; padding them here would fail one exchange in 256
        shared = pow(int.from_bytes(theirs, "big"), self._secret, PRIME)
        self.key = AuthKey(telethon_rsa.get_byte_array(shared))
        return types.DhGenOk(self._nonce, self._server_nonce, self.key.calc_new_nonce_hash(self._new_nonce, 1))

    def _temporary(self) -> tuple[bytes, bytes]:
        key, vector = helpers.generate_key_data_from_nonce(self._server_nonce, self._new_nonce)
        return key, vector
