"""What takes the place of a plug-in that cannot be used: an entry that asks and sends nothing, and says why."""

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import ConfigDict

from bot.clock import MINUTE, Clock
from bot.contracts.settings import Settings
from bot.contracts.source import SourceSettings, SourceTools, Want
from bot.contracts.target import Message, Shows, TargetSettings, TargetTools
from bot.errors import Later, Never
from storage.frozen import dataclass
from storage.records import Batch, Checked
from storage.state_names import PLUG_IN_UNUSABLE

REMEDY = "repair or remove the package, then restart"


class BrokenSourceSettings(SourceSettings):
    """The keys that every source has; those that only the plug-in knows are not looked at."""

    model_config = ConfigDict(extra="ignore")
    patience: ClassVar[int] = 1 << 62  # the daemon reports the plug-in itself
    plug_in_trouble: ClassVar[str] = ""


class BrokenTargetSettings(TargetSettings):
    """The keys that every target has; those that only the plug-in knows are not looked at."""

    model_config = ConfigDict(extra="ignore")
    plug_in_trouble: ClassVar[str] = ""


class BrokenSource:
    """Fails each time that it is asked, and is asked again every minute: after a restart it may work."""

    pages = checks = False

    def __init__(self, settings: SourceSettings, trouble: str, clock: Clock) -> None:
        self.settings = settings
        self.plug_in_trouble = trouble
        self._clock = clock

    async def fetch(self, want: Want, cursor: str | None) -> Batch:  # noqa: ARG002 - the contract names them
        raise Later(self.plug_in_trouble, retry_at=self._clock.now() + MINUTE, state=PLUG_IN_UNUSABLE)

    async def check(self, native_id: str) -> Checked:
        raise Later(f"{self.plug_in_trouble}: {native_id} is not checked", state=PLUG_IN_UNUSABLE)


class BrokenTarget:
    """Refuses each message, so that all of them wait until a person acts."""

    idempotent = False
    at_once = 1
    account = chat = None

    def __init__(self, settings: TargetSettings, trouble: str) -> None:
        self.settings = settings
        self.plug_in_trouble = trouble
        self.shows = Shows("text")

    async def ready(self) -> None:
        """There is no limit to wait for."""

    async def send(self, message: Message) -> str | None:  # noqa: ARG002 - the contract names it
        raise Never(self.plug_in_trouble, remedy=REMEDY)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a plug-in must have, and what takes its place: `methods` of its settings, `members` of what it builds."""

    settings: type[Settings]
    broken: type[Settings]
    methods: tuple[str, ...]
    members: tuple[str, ...]
    make: Callable[[Any, str, Any], Any]


def _make_source(settings: SourceSettings, trouble: str, tools: SourceTools) -> BrokenSource:
    return BrokenSource(settings, trouble, tools.clock)


def _make_target(settings: TargetSettings, trouble: str, _: TargetTools) -> BrokenTarget:
    return BrokenTarget(settings, trouble)


SHAPES = {
    "communique.sources": Shape(
        SourceSettings,
        BrokenSourceSettings,
        ("handle", "reads", "server"),
        ("settings", "pages", "checks", "fetch", "check"),
        _make_source,
    ),
    "communique.targets": Shape(
        TargetSettings,
        BrokenTargetSettings,
        ("bot", "warnings", "sends_to"),
        ("settings", "shows", "idempotent", "at_once", "account", "chat", "ready", "send"),
        _make_target,
    ),
}
