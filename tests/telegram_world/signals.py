"""What the world tells its servers: an update to push, a word to one account, an end to connections."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

CutHow = Literal["reset", "close", "half"]


@dataclass(frozen=True, slots=True)
class Push:
    """Updates of one channel for everybody who receives it; `shows` are the (message id, text) pairs in them."""

    channel_id: int
    updates: tuple[Any, ...]
    shows: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tell:
    """An Updates object for the connections of one account, or of one key."""

    updates: Any
    phone: str | None = None
    key_id: int | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Connections end: of one account, or all."""

    how: CutHow
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Transport:
    """A transport error on the connections of one account, or on all."""

    code: int
    phone: str | None = None


Signal = Push | Tell | Cut | Transport
Emit = Callable[[Signal], None]
