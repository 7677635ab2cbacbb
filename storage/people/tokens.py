"""Tokens of programs and feed readers: whose they are, what they open, until when; only a hash is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from storage.frozen import dataclass
from storage.people.secret import hash_secret, make_secret

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

Scope = Literal["feeds", "read", "act"]
SCOPES: tuple[Scope, ...] = ("feeds", "read", "act")
PREFIX = "cmq_"  # by which a token that was published by mistake is found
_TOUCH = 60_000_000
_COLUMNS = "t.id, t.name, p.name AS owner, t.scope, t.made_at, t.ends_at, t.used_at, t.revoked_at"
_FROM = "FROM tokens t JOIN people p ON p.id = t.person_id"


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token, without the token itself. Times are microseconds UTC; `ends_at` None: it does not end by itself."""

    id: int
    name: str
    owner: str
    scope: Scope
    made_at: int
    ends_at: int | None
    used_at: int | None
    revoked_at: int | None

    def state(self, now: int) -> str:
        """Whether it opens anything: valid, revoked or ended."""
        if self.revoked_at is not None:
            return "revoked"
        return "ended" if self.ends_at is not None and self.ends_at <= now else "valid"


@dataclass(frozen=True, slots=True)
class TokenUse:
    """What a token that somebody showed is good for."""

    id: int
    person_id: int
    name: str
    scope: Scope
    used_at: int | None

    def is_stale(self, now: int) -> bool:
        """Whether its use has to be written down."""
        return self.used_at is None or not now - _TOUCH < self.used_at <= now


def add_token(
    writer: Writer, name: str, person_id: int, scope: Scope, now: int, ends_at: int | None
) -> tuple[TokenRow, str]:
    """Make a token; itself, which nobody can read here again, and its row."""
    secret = make_secret(PREFIX)
    number = writer.value(
        "INSERT INTO tokens (hash, name, person_id, scope, made_at, ends_at)"
        " VALUES (:hash, :name, :person, :scope, :now, :ends) RETURNING id",
        {
            "hash": hash_secret(secret),
            "name": name,
            "person": person_id,
            "scope": scope,
            "now": now,
            "ends": ends_at,
        },
    )
    [row] = writer.rows(f"SELECT {_COLUMNS} {_FROM} WHERE t.id = :id", {"id": number})
    return TokenRow(*row), secret


def list_tokens(reader: Reader) -> list[TokenRow]:
    """All that were ever made, oldest first."""
    return [TokenRow(*row) for row in reader.rows(f"SELECT {_COLUMNS} {_FROM} ORDER BY t.id")]


def find_token(reader: Reader, secret: str, now: int) -> TokenUse | None:
    """What this token is good for now; None for one that is unknown, revoked or over, or whose owner is locked out."""
    row = reader.one(
        f"SELECT t.id, t.person_id, t.name, t.scope, t.used_at {_FROM} WHERE t.hash = :hash AND t.revoked_at IS NULL"
        " AND (t.ends_at IS NULL OR t.ends_at > :now) AND p.locked_at IS NULL",
        {"hash": hash_secret(secret), "now": now},
    )
    return None if row is None else TokenUse(*row)


def note_use(writer: Writer, token_id: int, now: int) -> None:
    """Remember when a token was last used."""
    writer.execute("UPDATE tokens SET used_at = :now WHERE id = :id", {"id": token_id, "now": now})


def revoke_token(writer: Writer, token_id: int, now: int) -> bool:
    """End a token for good; False where there is none with this id, or it is revoked already."""
    return bool(
        writer.execute(
            "UPDATE tokens SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL", {"id": token_id, "now": now}
        ).rowcount
    )
