"""The section [backup]: where the daemon backs everything up, how often, and which backups stay."""

from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from bot.clock import DAY
from bot.config.heartbeat import at_least_a_second
from bot.contracts.settings import ConfigPath, Duration, Settings
from storage.backups.keeping import keep


def _keep_rule(value: str) -> str:
    """Check how many backups stay. Raises ValueError."""
    return str(keep(value))


class BackupConfig(Settings):
    """[backup]: where the daemon backs everything up, how often, and which backups stay."""

    to: ConfigPath | None = None  # None: it makes none
    every: Annotated[Duration, AfterValidator(at_least_a_second)] = DAY
    keep: Annotated[str, AfterValidator(_keep_rule)] = "7d 4w 12m"  # storage.backups.keeping reads it

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if self.to is None and self.model_fields_set:
            raise ValueError("`to` is missing: without it no backup is made")
        return self
