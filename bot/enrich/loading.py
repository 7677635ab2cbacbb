"""What an engine loads before it reads: where that fails, a person must mend the engine, and no file is at fault."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.contracts.engine import Never


@contextmanager
def loading(what: str) -> Iterator[None]:
    """Import a library and open its model in here. Raises Never for whatever they raise."""
    try:
        yield
    except Exception as problem:
        why = " ".join(str(problem).split())[:300] or type(problem).__name__
        raise Never(f"{what} cannot be loaded: {why}", remedy="install or download it anew") from problem
