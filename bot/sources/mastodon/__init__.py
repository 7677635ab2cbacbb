"""Kind `mastodon`: public accounts of Mastodon, and of the servers that speak its API."""

from bot.sources.mastodon.source import Settings, build, recognise

__all__ = ["Settings", "build", "recognise"]
