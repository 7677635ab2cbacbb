"""How tests make exports in this process, and what they look at."""

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from bot.errors import CommuniqueError
from bot.export import FORMATS, load
from bot.export.making import Exported, Order, export, stream
from storage.archive.database import Archive
from storage.language.query import parse
from storage.search.selection import Selection

ROOT = Path(__file__).parents[2]


def _is_installed(name: str) -> bool:
    try:
        load(name)
    except CommuniqueError:
        return False
    return True


INSTALLED = [name for name in FORMATS if _is_installed(name)]


@dataclass
class Exports:
    """One archive, and how exports of it are made in this process."""

    data_dir: Path

    def make(self, name: str, path: Path, query: str | None = None, *, force: bool = False, **wanted: Any) -> Exported:
        parsed = None if query is None else parse(query)
        with Archive(self.data_dir / "communique.db") as archive, archive.reading() as reader:
            order = Order(name, query, Selection(parsed, **wanted))
            return export(reader, self.data_dir, order, path, force=force)

    def stream(self, name: str, out: BytesIO) -> None:
        with Archive(self.data_dir / "communique.db") as archive, archive.reading() as reader:
            stream(reader, self.data_dir, Order(name, None, Selection()), out)


def read_manifest(done: Exported) -> dict[str, Any]:
    found = json.loads(done.manifest.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def files_of(done: Exported) -> dict[str, bytes]:
    """Every file of an export by its name, without the manifest."""
    if done.path.is_file():
        return {done.path.name: done.path.read_bytes()}
    every = (path for path in done.path.rglob("*") if path.is_file() and path != done.manifest)
    return {str(path.relative_to(done.path)): path.read_bytes() for path in every}
