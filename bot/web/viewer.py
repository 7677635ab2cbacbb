"""Who asks for a page, and what this person may read and do."""

from typing import TYPE_CHECKING, Literal

from storage.frozen import dataclass

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

Role = Literal["reader", "desk", "owner"]


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person or a program; `sources` are the ids of those that it may read, None for all of them."""

    name: str
    role: Role
    sources: frozenset[int] | None = None


def viewer_of(request: "HTTPConnection") -> Viewer:
    """Who sent this request; whoever let it in has written it down."""
    found = request.state.viewer
    assert isinstance(found, Viewer)
    return found
