"""Who asks for a page, and what this person may read and do."""

from typing import TYPE_CHECKING, Literal

from storage.frozen import dataclass

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

Role = Literal["reader", "desk", "owner"]
_RANKS: dict[Role, int] = {"reader": 0, "desk": 1, "owner": 2}


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person or a program; `sources` are the ids of those that it may read, None for all of them.

    `scope` is that of the token by which a program asks: `feeds`, `read` or `act`; None for a person in a browser.
    """

    name: str
    role: Role
    sources: frozenset[int] | None = None
    scope: str | None = None

    def may(self, role: Role) -> bool:
        """Whether what this role does is allowed: a token acts only where it was made for that, and manages nobody."""
        if role == "reader":
            return True
        if self.scope is not None and (self.scope != "act" or role == "owner"):
            return False
        return _RANKS[self.role] >= _RANKS[role]


NOBODY = Viewer("", "reader", frozenset())


def viewer_of(request: "HTTPConnection") -> Viewer:
    """Who sent this request; whoever let it in has written it down."""
    found = request.state.viewer
    assert isinstance(found, Viewer)
    return found


def require(request: "HTTPConnection", role: Role) -> Viewer:
    """Who sent this request, if they may do what this role does. Raises HTTPException (403)."""
    viewer = viewer_of(request)
    if not viewer.may(role):
        from starlette.exceptions import HTTPException

        raise HTTPException(403)
    return viewer
