"""Kind `website`: a list of statements, or one page whose text changes, of a site without a feed."""

from bot.sources.website.settings import Settings
from bot.sources.website.source import build, recognise

__all__ = ["Settings", "build", "recognise"]
