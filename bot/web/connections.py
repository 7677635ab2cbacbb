"""Connections of the reading room: how long each may be slow, and which of them goes where there are too many."""

import asyncio
import resource
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

if TYPE_CHECKING:
    from starlette.types import Scope

MOST = 1000  # connections
_MOST_OF_ONE = 250  # of one address, or one network of IPv6; a proxy and this machine itself may have all
_FIRST_S = 5  # how long nothing at all may come of a request
_REQUEST_S = 10  # how long the headers of a request may take
_STUCK_S = 60  # how long nothing of an answer may be taken
_SLOW_S = 5  # the same, where somebody else needs the place
_SPARE_FILES = 100  # that the process opens for other purposes
_CUT_OFF = "cut_off"  # in the state of a request


class Crowd:
    """All connections. `name_of` says who a peer is: None for one behind which there are many people."""

    def __init__(self, name_of: Callable[[str], str | None], most: int = MOST) -> None:
        self._name_of = name_of
        self._most = most
        self._members: dict[RoomConnection, str | None] = {}

    def join(self, newcomer: "RoomConnection", peer: str) -> bool:
        """Make room for a newcomer: who keeps everybody waiting goes first. False where nobody can be spared."""
        name = self._name_of(peer)
        others = [one for one, its_name in self._members.items() if name is not None and its_name == name]
        self._members[newcomer] = name
        if len(others) >= _MOST_OF_ONE:
            return _spare(others)
        return len(self._members) <= self._most or _spare([one for one in self._members if one is not newcomer])

    def leave(self, member: "RoomConnection") -> None:
        """Forget one that has ended."""
        self._members.pop(member, None)

    def cut_off(self) -> None:
        """End all of them at once, whatever they are waiting for."""
        for member in list(self._members):
            member.cut_off()


def _spare(members: "list[RoomConnection]") -> bool:
    """End one that does not send its request or takes nothing of its answer, the slowest; whether there was one."""
    slow = [(since, number) for number, one in enumerate(members) if (since := one.slow_since()) is not None]
    if slow:
        members[min(slow)[1]].cut_off()
    return bool(slow)


class RoomConnection(H11Protocol):
    """One connection: who does not send a whole request within a while, or takes nothing of the answer, is let go."""

    def __init__(self, *args: Any, crowd: Crowd, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._crowd = crowd
        self.app_state = {**self.app_state, _CUT_OFF: self.cut_off}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._has_begun = False
        self._waits_since = self._taken_at = self.loop.time()
        self._left = 0  # bytes of answers that are not sent
        self._next_look = self.loop.call_later(1, self._watch)
        if not self._crowd.join(self, self.client[0] if self.client else ""):
            self.app = service_unavailable

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.leave(self)
        self._next_look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._has_begun = True
        super().data_received(data)

    def on_response_complete(self) -> None:
        self._waits_since = self.loop.time()  # a short answer is over before the next look
        super().on_response_complete()

    def slow_since(self) -> float | None:
        """Since when the others wait for this one, by the clock of the loop; None where it is not slow."""
        if not self._is_answered():
            return self._waits_since
        is_stuck = self.transport.get_write_buffer_size() > 0 and self.loop.time() - self._taken_at >= _SLOW_S
        return self._taken_at if is_stuck else None

    def cut_off(self) -> None:
        """End it with what is left, also with what the system would keep for the other side."""
        self._crowd.leave(self)
        connection = self.transport.get_extra_info("socket")
        if connection is not None and not self.transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _is_answered(self) -> bool:
        """Whether a whole request has come, and its answer is not complete or not taken."""
        return self.transport.get_write_buffer_size() > 0 or (self._is_under_way() and not self.cycle.more_body)

    def _is_under_way(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _watch(self) -> None:
        now, left = self.loop.time(), self.transport.get_write_buffer_size()
        if left == 0 or left < self._left:
            self._taken_at = now
        self._left = left
        if self._is_answered():
            self._waits_since = now
        if now - self._taken_at >= _STUCK_S:
            self.cut_off()
        elif not self._is_under_way() and now - self._waits_since >= (_REQUEST_S if self._has_begun else _FIRST_S):
            # how long a form may take is limited elsewhere
            self.transport.close()  # which waits until what is left has been taken
        self._next_look = self.loop.call_later(1, self._watch)


def cut_off(scope: "Scope") -> None:
    """End the connection of a request in the middle of its answer, so that nobody takes half of it for the whole."""
    scope["state"][_CUT_OFF]()


def allow_files() -> int:
    """Let the process open as many files as that takes, where the system agrees; how many connections there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST + _SPARE_FILES  # as many again may be greeted at one time
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(MOST, soft - _SPARE_FILES))
