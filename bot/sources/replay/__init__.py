"""Kind `replay`: posts from a file of JSON lines."""

from bot.sources.replay.source import Settings, build

__all__ = ["Settings", "build"]
