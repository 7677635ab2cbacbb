"""What has happened between the Telegram world and its clients: every call, and every message that was shown."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it came in: TL name, monotonic seconds, whose, the request, and the error it met, if any."""

    method: str
    at: float
    phone: str | None
    request: Any
    error: str | None = None


class Journal:
    """Thread-safe; grows with what happens."""

    def __init__(self, lock: threading.RLock, monotonic: Callable[[], float]) -> None:
        self.mistakes: list[BaseException] = []  # ours: the world's own tests and users fail on them
        self.remembers = True  # a bench of a million calls or wordings turns this off; counts go on
        self._lock = lock
        self._monotonic = monotonic
        self._calls: list[Call] = []
        self._shown: dict[int, dict[int, list[tuple[str, bool]]]] = {}  # wordings, and whether pushed
        self._counts: dict[str, int] = {}

    def note_call(self, method: str, phone: str | None, request: Any, error: str | None) -> None:
        with self._lock:
            self._counts[method] = self._counts.get(method, 0) + 1
            if self.remembers:
                self._calls.append(Call(method, self._monotonic(), phone, request, error))

    def note_shown(self, channel_id: int, shows: Iterable[tuple[int, str]], *, pushed: bool = False) -> None:
        if not self.remembers:
            return
        with self._lock:
            known = self._shown.setdefault(channel_id, {})
            for one, text in shows:
                wordings = known.setdefault(one, [])
                if next((said for said, way in reversed(wordings) if way is pushed), None) != text:
                    wordings.append((text, pushed))

    def calls(self, method: str | None = None, *, phone: str | None = None, since: float = 0) -> tuple[Call, ...]:
        """The calls so far, refused ones included; `since` is in monotonic seconds."""
        with self._lock:
            return tuple(
                call
                for call in self._calls
                if method in (None, call.method) and phone in (None, call.phone) and call.at >= since
            )

    def count(self, method: str) -> int:
        """How often a method was called, ever."""
        with self._lock:
            return self._counts.get(method, 0)

    def shown(self, channel_id: int, *, pushes: bool = True) -> frozenset[int]:
        """Ids of all messages that a sent reply contained, or (with `pushes`) an update that came unasked."""
        with self._lock:
            known = self._shown.get(channel_id, {})
            return frozenset(one for one, wordings in known.items() if pushes or not all(way for _, way in wordings))

    def shown_texts(self, channel_id: int, message_id: int, *, pushes: bool = True) -> tuple[str, ...]:
        """Every wording that was so shown, oldest first, each run of equal ones once."""
        with self._lock:
            wordings = self._shown.get(channel_id, {}).get(message_id, [])
            return tuple(text for text, _ in groupby(text for text, pushed in wordings if pushes or not pushed))
