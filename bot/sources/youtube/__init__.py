"""Kind `youtube`: the videos of a channel, by their titles and descriptions."""

from bot.sources.youtube.source import Settings, build, recognise

__all__ = ["Settings", "build", "recognise"]
