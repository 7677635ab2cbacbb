"""Kind `bluesky`: public accounts of Bluesky, and of other hosts of its network."""

from bot.sources.bluesky.source import Settings, build, recognise

__all__ = ["Settings", "build", "recognise"]
