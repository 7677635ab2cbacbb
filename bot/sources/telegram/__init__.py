"""Kind `telegram`: Telegram channels through an account."""

from typing import TYPE_CHECKING

from bot.lazily import lazily

if TYPE_CHECKING:
    from bot.sources.telegram.settings import Settings
    from bot.sources.telegram.source import TelegramSource, build

__all__ = ["Settings", "TelegramSource", "build"]
__getattr__ = lazily(__name__, settings="Settings", source="TelegramSource build")
