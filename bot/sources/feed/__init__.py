"""Kind `feed`: RSS, Atom and JSON Feed."""

from bot.sources.feed.source import Settings, build

__all__ = ["Settings", "build"]
