"""PURE: the people of the reading room and their tokens as JSON; nothing in it opens anything."""

from typing import TYPE_CHECKING

from bot.documents.as_json import iso

if TYPE_CHECKING:
    from storage.people.persons import PersonRow
    from storage.people.tokens import TokenRow


def person_json(person: "PersonRow", sessions: int) -> dict[str, object]:
    """One of the people, and how many browsers they are signed in with."""
    return {
        "name": person.name,
        "role": person.role,
        "may_read": None if person.may_read is None else list(person.may_read),
        "state": "active" if person.locked_at is None else "locked",
        "has_password": person.password is not None,
        "made_at": iso(person.made_at),
        "password_at": iso(person.password_at),
        "locked_at": iso(person.locked_at),
        "seen_at": iso(person.seen_at),
        "sessions": sessions,
    }


def token_json(token: "TokenRow", now: int) -> dict[str, object]:
    """One token, without the token itself."""
    return {
        "id": str(token.id),
        "name": token.name,
        "owner": token.owner,
        "scope": token.scope,
        "state": token.state(now),
        "made_at": iso(token.made_at),
        "ends_at": iso(token.ends_at),
        "used_at": iso(token.used_at),
        "revoked_at": iso(token.revoked_at),
    }
