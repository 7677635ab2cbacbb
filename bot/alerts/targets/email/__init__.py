"""Kind `email`: alerts by SMTP, as one letter to all recipients."""

from bot.alerts.targets.email.target import Settings, build

__all__ = ["Settings", "build"]
