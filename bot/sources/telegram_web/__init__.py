"""Kind `telegram_web`: public Telegram channels by their web preview."""

from bot.sources.telegram_web.source import Settings, build, recognise

__all__ = ["Settings", "build", "recognise"]
