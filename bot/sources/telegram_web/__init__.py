"""Kind `telegram_web`: public Telegram channels by their web preview."""

from typing import TYPE_CHECKING

from bot.lazily import lazily

if TYPE_CHECKING:
    from bot.sources.telegram_web.settings import Settings
    from bot.sources.telegram_web.source import build, recognise

__all__ = ["Settings", "build", "recognise"]
__getattr__ = lazily(__name__, settings="Settings", source="build recognise")
