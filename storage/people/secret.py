"""What is random and shown once: made here, and kept as a hash."""

from __future__ import annotations

import secrets
from hashlib import sha256

_BYTES = 32


def make_secret(prefix: str = "") -> str:
    """A new one, fit for an address: 256 bits that nobody guesses, so that a plain hash of it is enough."""
    return prefix + secrets.token_urlsafe(_BYTES)


def hash_secret(secret: str) -> str:
    """What is kept of it. Never raises, whatever a stranger sent."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
