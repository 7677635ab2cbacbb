"""Kind `bluesky`: public accounts of Bluesky, and of other hosts of its network."""

from bot.sources.bluesky.settings import Settings, recognise
from bot.sources.bluesky.source import build

__all__ = ["Settings", "build", "recognise"]
