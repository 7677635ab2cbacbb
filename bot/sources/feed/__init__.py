"""Kind `feed`: RSS, Atom and JSON Feed."""

from bot.sources.feed.source import Settings, build, recognise, recognise_page

__all__ = ["Settings", "build", "recognise", "recognise_page"]
