"""What every page of the reading room works with: the archive, the config, the time, the words."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

from bot.clock import Clock
from bot.web.kept import KeptAnswers
from bot.web.pulse import Pulse
from bot.web.reading import ReadingThreads
from bot.web.viewer import Viewer, viewer_of
from storage.frozen import dataclass

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from bot.config.model import Config
    from bot.web.access.gate import Gate
    from storage.archive.database import Reader
    from storage.language.terms import Term

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReadingRoom:
    """One running reading room.

    `terms` gives the phrases of each @name in queries. `hosts` are the names under which it may be called, in lower
    case and without a port; None for any. Without a `gate` nobody has to sign in, and `owner` is who reads.
    """

    reading: ReadingThreads
    config: "Config"
    clock: Clock
    terms: "Callable[[], Mapping[str, Term]]"
    hosts: frozenset[str] | None
    owner: Viewer
    gate: "Gate | None" = None
    kept: KeptAnswers = field(default_factory=KeptAnswers)
    pulse: Pulse = field(default_factory=Pulse)


def room_of(request: "HTTPConnection") -> ReadingRoom:
    """The reading room that a request came to."""
    return cast("ReadingRoom", request.app.state.room)


async def read(
    request: "HTTPConnection", look: "Callable[Concatenate[Reader, P], T]", *args: P.args, **kwargs: P.kwargs
) -> T:
    """`look(reader, …)` in a thread, on what whoever sent this request may read."""
    return await room_of(request).reading.read(viewer_of(request), look, *args, **kwargs)
