"""Kind `webhook`: alerts as JSON, or as a template makes them, to a web address."""

from bot.alerts.targets.webhook.target import Settings, build

__all__ = ["Settings", "build"]
