"""What a job may read: the system, this program, and what its engine works with; never the archive or the config."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from bot.contracts.engine import EngineSettings
from bot.landlock import leave_out
from bot.system_files import own_program, system

_MOST_LINKS = 1_000
_OURS = ("communique", "reserve")  # names of files beside the archive


def readable(settings: EngineSettings, hidden: Iterable[Path]) -> Iterator[Path]:
    """All that a job may read besides its file and its folder.

    Nothing `hidden`, unless it is what the config names for this very engine.
    """
    secret = [path.resolve() for path in hidden]
    for place in map(Path.resolve, settings.readable()):
        yield from leave_out(place, [path for path in secret if not place.is_relative_to(path)])
    for place in map(Path.resolve, settings.mentioned()):
        yield from (place,) if _lies_beside(place, secret) else leave_out(place, secret)
    for place in (*system(), *own_program(), *_links(settings.readable())):
        yield from leave_out(place.resolve(), secret)


def _lies_beside(place: Path, secret: Collection[Path]) -> bool:
    """Whether it is a file that a person put beside the archive, and not one of ours or a secret."""
    return place.parent in secret and place not in secret and place.is_file() and not place.name.startswith(_OURS)


def _links(places: Iterable[Path]) -> Iterator[Path]:
    """Where the links lead that are right in these folders: stores of models keep the bytes elsewhere."""
    for place in places:
        try:
            links = [part for part in place.iterdir() if part.is_symlink()]
        except OSError:  # a file, or nothing
            continue
        yield from links[:_MOST_LINKS]
