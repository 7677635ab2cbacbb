"""Exports: posts and their files out of the archive, in one of nine formats; a format is one file of this folder."""

import importlib

from bot.errors import UserError
from bot.export.contract import Format

FORMATS = {
    "jsonl": "one JSON object a post: what a source of kind replay reads",
    "csv": "a table for any program",
    "xlsx": "a table for Excel and LibreOffice",
    "parquet": "a table for DuckDB, pandas and Spark",
    "ftm": "FollowTheMoney entities, one a line, for Aleph and OpenSanctions' tools",
    "edges": "a directory: forwards, replies, links and copies as CSV and GraphML",
    "timeline": "JSON for TimelineJS",
    "obsidian": "a directory of Markdown notes, one a post, that link to each other",
    "datasette": "a directory that Datasette opens: a database with search and facets, files by their hash",
}


def load(name: str) -> Format:
    """The format of this name. Raises UserError where its package is not installed."""
    found = importlib.import_module(f"bot.export.{name}").FORMAT
    assert isinstance(found, Format)
    try:
        importlib.import_module(found.package or "json")
    except ImportError:
        raise UserError(f"{name} needs a package that is not installed: pip install 'communique[export]'") from None
    return found
