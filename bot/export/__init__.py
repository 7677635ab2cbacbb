"""Exports: posts and their files out of the archive, in one of nine formats; a format is one file of this folder."""

import importlib
import importlib.util

from bot.errors import UserError
from bot.export.contract import Format

FORMATS = {
    "jsonl": "one JSON object a post: what a source of kind replay reads",
    "csv": "a table for any program",
}


def load(name: str) -> Format:
    """The format of this name. Raises UserError where its package is not installed."""
    found = importlib.import_module(f"bot.export.{name}").FORMAT
    assert isinstance(found, Format)
    if found.package is not None and importlib.util.find_spec(found.package) is None:
        raise UserError(f"{name} needs a package that is not installed: pip install 'communique[export]'")
    return found
