"""What an engine loads before it reads: if that fails, the engine is broken, not the file."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.contracts.engine import Never


@contextmanager
def loading(what: str) -> Iterator[None]:
    """Import a library and open its model in this block. Raises Never whatever they raise."""
    try:
        yield
    except Exception as problem:
        why = " ".join(str(problem).split())[:300] or type(problem).__name__
        raise Never(f"{what} cannot be loaded: {why}", remedy="install or download it again") from problem
