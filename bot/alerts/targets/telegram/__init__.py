"""Kind `telegram`: alerts by a Telegram bot."""

from bot.alerts.targets.telegram.target import Settings, TelegramTarget, build

__all__ = ["Settings", "TelegramTarget", "build"]
