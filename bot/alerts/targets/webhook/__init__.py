"""Kind `webhook`: alerts as JSON, or as a template makes them, to a web address."""

from typing import TYPE_CHECKING

from bot.lazily import lazily

if TYPE_CHECKING:
    from bot.alerts.targets.webhook.settings import Settings
    from bot.alerts.targets.webhook.target import build

__all__ = ["Settings", "build"]
__getattr__ = lazily(__name__, settings="Settings", target="build")
