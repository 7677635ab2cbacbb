"""Kind `telegram`: Telegram channels through an account."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.sources.telegram.source import Settings, TelegramSource, build

__all__ = ["Settings", "TelegramSource", "build"]


def __getattr__(name: str) -> Any:
    """Import the source only for those who ask for it: `outline` must stay cheap."""
    if name in __all__:
        return getattr(importlib.import_module("bot.sources.telegram.source"), name)
    raise AttributeError(name)
