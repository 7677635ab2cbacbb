"""The section [heartbeat]: an address that the daemon asks while all is well, and once with /fail when it is not."""

from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from bot.clock import MINUTE, SECOND
from bot.contracts.settings import Duration, SecretFile, Settings
from bot.errors import UserError


def at_least_a_second(value: int) -> int:
    """Check how often something is done. Raises ValueError."""
    if value < SECOND:
        raise ValueError("the minimum is 1s")
    return value


class HeartbeatConfig(Settings):
    """[heartbeat]: the file that holds the address, which is a secret, and how often. Without it there is none."""

    url_file: SecretFile | None = None
    every: Annotated[Duration, AfterValidator(at_least_a_second)] = 5 * MINUTE

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if self.model_fields_set and self.url_file is None:
            raise ValueError("`url_file` is missing: the file that holds the address")
        if any(not address.startswith(("http://", "https://")) for address in self.addresses()):
            raise ValueError("the file of `url_file` must hold an address that begins with http:// or https://")
        return self

    def addresses(self) -> tuple[str, ...]:
        """The address, if there is one that can be read."""
        try:
            return (self.url_file.read().strip(),) if self.url_file else ()
        except UserError:
            return ()
