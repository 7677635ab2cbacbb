"""Kind `apprise`: alerts by any service that Apprise knows, in a child process."""

from bot.alerts.targets.apprise.target import Settings, build

__all__ = ["Settings", "build"]
