"""What goes wrong with the Telegram world, on demand and by schedule: refusals, waits, lost and late answers, bad clocks."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.telegram_world.signals import Cut, CutHow, Emit, Transport


class Refusal(Exception):
    """A call that is answered with an RPC error, such as (420, "FLOOD_WAIT_30")."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Fault:
    """What one or more calls meet instead of, or before, their answer.

    `method` is a TL name such as "messages.getHistory", None means every call; `phone` narrows it to one account.
    The first `after` matching calls go through, the next `times` suffer (None: all of them until `heal`).
    `error` answers so; `seconds` delays; `cut` ends the connection before an answer; `swallow` does the work and loses
    the answer; `unknown` answers with a constructor that no layer has; `transport` is -404 or -429 below MTProto.
    """

    method: str | None = None
    error: tuple[int, str] | None = None
    seconds: float = 0
    cut: CutHow | None = None
    swallow: bool = False
    unknown: bool = False
    transport: int | None = None
    times: int | None = 1
    after: int = 0
    phone: str | None = None


@dataclass(slots=True)
class _Pending:
    fault: Fault
    met: int = 0

    def meets(self, method: str, phone: str | None) -> bool:
        fault = self.fault
        if fault.method not in (None, method) or fault.phone not in (None, phone):
            return False
        self.met += 1
        return self.met > fault.after and not self.over()

    def over(self) -> bool:
        return self.fault.times is not None and self.met > self.fault.after + self.fault.times


@dataclass(frozen=True, slots=True)
class Wait:
    """A flood wait that stands: until when (the world's seconds), for whom, and under which name."""

    method: str
    until: float
    phone: str | None
    name: str


class Faults:
    """Everything that is wrong just now. Thread-safe; `heal()` makes all of it right again."""

    def __init__(self, lock: threading.RLock, emit: Emit, monotonic: Callable[[], float]) -> None:
        self.skew = 0.0  # seconds that the servers' clock is before the true one
        self.black_hole = False  # connections are accepted and read, nothing is ever answered
        self.refusing = False  # new connections are reset at once
        self.swallow_pushes = False  # no update reaches anybody unasked
        self.swallow_pushes_of: frozenset[int] = frozenset()  # nor of these channels, by id
        self.unknown_beside = False  # every packet also holds an update that nobody can read
        self.latency = 0.0  # seconds before every answer
        self.difference_omits_edited = False  # a post sent and edited meanwhile is missing from the difference
        self.blind_lookups = False  # no message that is asked for by its id is found
        self.broken_waits: list[str] = []  # methods that were called although a wait stood
        self._lock = lock
        self._emit = emit
        self._monotonic = monotonic
        self._pending: list[_Pending] = []
        self._waits: list[Wait] = []
        self._told: set[tuple[Wait, str | None]] = set()

    def suffer(self, *faults: Fault) -> None:
        """Put faults up; of several that fit a call the first one is met."""
        with self._lock:
            self._pending += [_Pending(fault) for fault in faults]

    def flood(
        self,
        method: str,
        seconds: float,
        *,
        phone: str | None = None,
        kind: Literal["FLOOD", "FLOOD_PREMIUM"] = "FLOOD",
    ) -> None:
        """Refuse a method for so long, with the seconds that remain; who calls meanwhile is noted in `broken_waits`.

        The first call only learns of the wait and breaks nothing.
        """
        with self._lock:
            self._waits.append(Wait(method, self._monotonic() + seconds, phone, kind))

    def waits(self) -> tuple[Wait, ...]:
        """The flood waits that stand now."""
        with self._lock:
            return tuple(wait for wait in self._waits if wait.until > self._monotonic())

    def heal(self) -> None:
        """End everything but what was done to accounts and channels themselves."""
        with self._lock:
            self._pending.clear()
            self._waits.clear()
            self._told.clear()
            self.skew = self.latency = 0.0
            self.swallow_pushes_of = frozenset()
            self.black_hole = self.refusing = self.swallow_pushes = self.difference_omits_edited = False
            self.unknown_beside = False
            self.blind_lookups = False

    def cut(self, how: CutHow = "reset", *, phone: str | None = None) -> None:
        """End the connections that stand: "reset" with RST, "close" with FIN, "half" stops only our sending."""
        with self._lock:
            self._emit(Cut(how, phone))

    def transport_error(self, code: int, *, phone: str | None = None) -> None:
        """Say -404 (key unknown) or -429 (too many) on the connections that stand, below MTProto."""
        with self._lock:
            self._emit(Transport(code, phone))

    def meet(self, method: str, phone: str | None) -> Fault | None:
        """What this call meets. Raises Refusal while a flood wait stands."""
        with self._lock:
            now = self._monotonic()
            self._waits = [wait for wait in self._waits if wait.until > now]
            for wait in self._waits:
                if wait.method == method and wait.phone in (None, phone):
                    self._refuse(wait, phone, now)
            for pending in self._pending:
                if pending.meets(method, phone):
                    return pending.fault
            self._pending = [pending for pending in self._pending if not pending.over()]
            return Fault(seconds=self.latency) if self.latency else None

    def _refuse(self, wait: Wait, phone: str | None, now: float) -> None:
        if (wait, phone) in self._told:
            self.broken_waits.append(wait.method)
        self._told.add((wait, phone))
        raise Refusal(420, f"{wait.name}_WAIT_{math.ceil(wait.until - now)}")
