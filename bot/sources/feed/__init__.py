"""Kind `feed`: RSS, Atom and JSON Feed."""

from typing import TYPE_CHECKING

from bot.lazily import lazily

if TYPE_CHECKING:
    from bot.sources.feed.settings import Settings
    from bot.sources.feed.source import build, recognise, recognise_page

__all__ = ["Settings", "build", "recognise", "recognise_page"]
__getattr__ = lazily(__name__, settings="Settings", source="build recognise recognise_page")
