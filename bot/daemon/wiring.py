"""Makes every object of the process: the stages, which last, and what one config makes, which a reload replaces."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from shutil import disk_usage
from typing import TYPE_CHECKING, TextIO

from bot import sources as source_kinds
from bot.alerts import moving
from bot.alerts import targets as target_kinds
from bot.alerts.digests.due import DigestPlan
from bot.alerts.loaded_rules import LoadedRules
from bot.alerts.outbox import Outbox
from bot.answers.access import end_trouble, find_access, find_answered
from bot.answers.removal import ButtonRemoval
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import Clock
from bot.config import Config
from bot.config.environment import Environment
from bot.config.paths import people_in
from bot.contracts.registry import BrokenPlugIn
from bot.contracts.source import Source, SourceTools
from bot.contracts.target import AT_ONCE, Target, TargetTools
from bot.daemon.alarm import Alarm
from bot.daemon.backups import Backups
from bot.daemon.decisions import Decisions
from bot.daemon.digesting import Digesting
from bot.daemon.direct_news import DirectNews
from bot.daemon.files import MediaStage
from bot.daemon.given_up import GivenUp
from bot.daemon.journal import Journal
from bot.daemon.learning import Learning
from bot.daemon.listening import Listening
from bot.daemon.marking import Marking
from bot.daemon.moving_index import MovingIndex
from bot.daemon.own_health import OwnHealth
from bot.daemon.pacing import Pacing
from bot.daemon.pings import Pings
from bot.daemon.refolding import Refolding
from bot.daemon.renaming import follow_names
from bot.daemon.requests import Requests
from bot.daemon.reserve import Reserve
from bot.daemon.rhythm import Rhythm, RhythmPlan
from bot.daemon.rounds import Rounds
from bot.daemon.supervision import Supervision
from bot.daemon.upkeep import Upkeep
from bot.http import IN_ALL, Http
from bot.intake.poll import Intake
from bot.intake.recheck import Rechecks
from bot.intake.reread import Rereading
from storage.alerts import notices, outbox
from storage.archive.database import Archive, Writer
from storage.archive.errors import ArchiveError
from storage.frozen import dataclass
from storage.sources import states
from storage.sources import telegram as telegram_rows

if TYPE_CHECKING:
    from bot.answers.line import BotLine
    from bot.daemon.telegram import TelegramLine


@dataclass(frozen=True, slots=True)
class Startup:
    """What the process was started with. `load` reads the config again for SIGHUP; raises ConfigError.

    `stop_with_stdin` makes it stop when its stdin is closed, as that of a child is when its parent dies.
    """

    environment: Environment
    out: TextIO
    say: Journal
    colour: bool
    load: Callable[[], Config]
    clock: Clock = field(default_factory=Clock)
    stop_with_stdin: bool = False


@dataclass(frozen=True, slots=True)
class Wired:
    """Everything that one config makes."""

    config: Config
    clients: Sequence[Http | SourceTools]
    sources: Mapping[str, Source]
    rules: LoadedRules
    targets: Mapping[str, Target]
    outbox: Outbox
    media: MediaStage
    removal: ButtonRemoval
    listening: Listening
    pings: Pings
    telegram: "TelegramLine | None" = None  # None: no source is read with the account
    bot: "BotLine | None" = None  # None: nobody is answered

    def declare(self, writer: Writer, now: int, changed_at: int) -> list[str]:
        """Write down its sources and rules; sources that stopped before `changed_at` are tried again.

        Returns what there is to say about names and meanings that changed.
        """
        said = self.follow_names(writer) + self.rules.list_changed_meanings(writer)
        declared = [
            states.Declared(settings.name, settings.kind, settings.tags, settings.side, settings.family)
            for settings in self.config.sources
            if settings.enabled
        ]
        states.declare(writer, declared, now)
        telegram_rows.forget_accounts(writer, list(self.config.telegram.each()))
        states.poll_stopped_now(writer, changed_at, now)
        self.rules.declare(writer, now)
        DigestPlan.of(self.config).declare(writer, now)
        report_silent_rules(writer, self.config, now)
        report_broken_plug_ins(writer, self, now)
        moving.forget_answered(writer, self.config, now)
        if self.bot is None:
            end_trouble(writer, now)
        return said

    def follow_names(self, writer: Writer) -> list[str]:
        """Move what belongs to a former name to the present one; what there is to say about it."""
        return follow_names(writer, self.config, self.rules)

    async def close_clients(self) -> None:
        """Close the connections to sources and targets, and the children that read for sources."""
        for client in self.clients:
            await client.aclose()


class Stages:
    """The stages of the process, and `wired`: what the current config made. `live`: the account takes pushes too."""

    def __init__(self, config: Config, archive: Archive, startup: Startup) -> None:
        self._startup = startup
        self._clock = startup.clock
        self._telegram: TelegramLine | None = None
        self.live = False
        self.say = startup.say
        self.claims = Claims(self._clock)
        self.supervision = Supervision(self._clock, self.say, self.claims)
        self._reading = archive
        self._began = self._clock.now()
        self.archive = AsyncArchive(archive, self._note_transaction)
        self.marking = Marking(self.archive, archive.path)
        self.alarm = Alarm(
            self.archive,
            self._clock,
            self.say,
            Reserve(config.data_dir),
            self._targets_of_health,
            open_news(config, startup),
        )
        intake = Intake(self.archive, self._clock, self._ring_stored, random.random, self._health_targets)
        self.rounds = Rounds(self.archive, intake, self._clock, self.say)
        self.pacing = Pacing(self.archive, self._clock, self.rounds)
        self.rechecks = Rechecks(self.archive, self._clock, self.claims, self._ring_rechecked)
        self.decisions = Decisions(self.archive, self._clock, self.claims)
        self.given_up = GivenUp(self.archive, self._clock, self.say, self._health_targets, self._ring_alerts)
        self.digesting = Digesting(self.archive, self._clock, self._ring_alerts)
        self.own_health = OwnHealth(
            self.archive,
            self._clock,
            self.say,
            self._health_targets,
            config.data_dir,
            lambda: self.wired.config.media.keep_free,
        )
        self.rhythm = Rhythm(
            self.archive,
            self._clock,
            self.say,
            self._health_targets,
            lambda: RhythmPlan.of(self.wired.config),
            self._ring_alerts,
        )
        self.wired = self.build(config)
        self.requests = Requests(
            self.archive,
            self._clock,
            people_in(config.data_dir),
            lambda: self.wired.config,
            self._ring_removal,
            self.say,
        )
        self.backups = Backups(self.archive, self._clock, self.say, config, self._health_targets)
        self.rereading = Rereading(self.archive, self._clock)
        moving = MovingIndex(self.archive, self._clock, self.say, lambda: disk_usage(config.data_dir).free)
        chores = (
            self.rereading.do_some,
            Refolding(self.archive, self.say).do_some,
            moving.do_some,
            Learning(self.archive, self._clock).do_some,
        )
        self.upkeep = Upkeep(self.archive, self._clock, chores)

    def _note_transaction(self, error: ArchiveError | None) -> None:
        if error is None:
            self.marking.note_write()
        self.alarm.note(error)

    def build(self, config: Config) -> Wired:
        """Make what this config says and start nothing. Raises CommuniqueError for what cannot be read or used."""
        http = Http(config.http_rules(), self._clock)
        # No source may keep an alert waiting, and no target another one, whatever hangs: half of the places are for
        # addresses that gave no answer.
        places = IN_ALL + 2 * AT_ONCE * len(config.targets)
        http_of_targets = Http(config.http_rules(), self._clock, per_server=places, in_all=places)
        http_of_pings = Http(config.http_rules(), self._clock)
        http_of_bot = Http(config.http_rules(), self._clock, per_server=IN_ALL)
        telegram = self._build_telegram(config)
        source_tools = SourceTools(
            http,
            self._clock,
            config.directory,
            telegram=telegram.accounts if telegram else None,
            pages_allowed=config.http.proxy is not None or not config.telegram.has_proxy,
        )
        rules = LoadedRules.of(config)
        targets = build_targets(config, http_of_targets, self._startup)
        enabled = [settings for settings in config.sources if settings.enabled]
        sources = {settings.name: source_kinds.build(settings, source_tools) for settings in enabled}
        rendering = rules.rendering(config.zone, config.data_dir, find_answered(config))
        removal = ButtonRemoval(self.archive, self._clock, targets)
        return Wired(
            config=config,
            clients=(source_tools, http_of_targets, http_of_pings, http_of_bot),
            sources=sources,
            rules=rules,
            targets=targets,
            outbox=Outbox(
                self.archive,
                targets,
                rendering,
                self._clock,
                self.claims,
                self.say,
                terms=rules.terms,
                rules_per_hour={rule.name: rule.per_hour for rule in config.rules if rule.per_hour is not None},
                escalate=rules.escalations(),
            ),
            media=MediaStage.of(
                config, sources, self.archive, self._clock, self.claims, self.decisions.bell.ring, self.say
            ),
            pings=Pings(
                self.archive, self._clock, self.say, config.heartbeat, http_of_pings, self._reading.path, self._began
            ),
            telegram=telegram,
            bot=self._build_bot(config, http_of_bot, removal),
            removal=removal,
            listening=Listening.of(sources, self.rounds.start_soon, self.say, self._clock),
        )

    def _build_bot(self, config: Config, http: Http, removal: ButtonRemoval) -> "BotLine | None":
        """The bot that answers, if the config has one."""
        if find_access(config) is None:
            return None
        from bot.answers.line import BotLine

        return BotLine.of(config, http, self.archive, self._clock, self.say, removal.bell.ring)

    def _build_telegram(self, config: Config) -> "TelegramLine | None":
        """The account, if a source needs it; the running one if nothing about it has changed."""
        needed = any(source.enabled and source.reads_with_account for source in config.sources)
        if not needed or not all(one.can_sign_in for one in config.telegram.each().values()):
            return None
        if self._telegram is not None and self._telegram.config == config.telegram:
            return self._telegram
        from bot.daemon.telegram import Listeners, TelegramLine

        listeners = Listeners(self.rounds.start_soon, self.rechecks.bell.ring, self._health_targets, self.say)
        return TelegramLine.of(config, self.archive, self._clock, listeners, self._homes())

    def _homes(self) -> dict[str, str]:
        """Which account has read each source until now."""
        with self._reading.reading() as reader:
            return {name: watch.account for name, watch in telegram_rows.read_watches(reader).items()}

    async def take_up(self, wired: Wired) -> None:
        """Make every stage work with this config, which the archive knows already."""
        self.wired = wired
        self.backups.config = wired.config
        self.digesting.plan = DigestPlan.of(wired.config)
        self.decisions.rules, self.decisions.alerts_due = wired.rules, wired.outbox.ring
        self.rounds.sources = self.rechecks.sources = self.rereading.sources = wired.sources
        self.rounds.every = {name: wired.config.every(source.settings) for name, source in wired.sources.items()}
        self.pacing.config = wired.config
        if self._telegram is not wired.telegram:
            await self.close_telegram()
        self._telegram = wired.telegram
        if self._telegram is not None:
            self._telegram.take_up(wired.sources)
            self._telegram.start(self.supervision.keep, live=self.live)

    async def close_telegram(self) -> None:
        """Disconnect the account, if there is one."""
        if self._telegram is not None:
            await self._telegram.aclose()
            self._telegram = None

    def _ring_stored(self) -> None:
        """A post came or changed: rules look at it, and its files are fetched."""
        self.decisions.bell.ring()
        self.wired.media.ring()

    def _ring_alerts(self) -> None:
        self.wired.outbox.ring()

    def _ring_removal(self) -> None:
        self.wired.removal.bell.ring()

    def _ring_rechecked(self) -> None:
        """A re-check was stored: a deletion or reappearance that a page alone does not show."""
        self.rounds.intake.forget()
        self._ring_stored()

    def _health_targets(self) -> list[str]:
        """Names of the targets that hear when something breaks or recovers."""
        return [target.settings.name for target in self._targets_of_health()]

    def _targets_of_health(self) -> list[Target]:
        return [target for target in self.wired.targets.values() if target.settings.health]


def build_targets(config: Config, http: Http, startup: Startup) -> dict[str, Target]:
    """Make the targets of a config, by name."""
    tools = TargetTools(
        http, startup.clock, config.zone, startup.out, startup.colour, proxied=config.http.proxy is not None
    )
    return {settings.name: target_kinds.build(settings, tools) for settings in config.targets}


def open_news(config: Config, startup: Startup) -> DirectNews:
    """Make what sends news past the archive; a runtime directory (systemd's) is on no disk that could be full."""
    memory = (startup.environment.runtime_directory or config.data_dir) / "archive-trouble.json"
    return DirectNews(startup.clock, startup.say, memory)


def report_silent_rules(writer: Writer, config: Config, now: int) -> None:
    """Tell health targets which rules alert nobody, once when it begins and once when it is over."""
    names = [rule.name for rule in config.rules if rule.targets is None and not config.defaults.targets]
    silent = {f"rule {name}": f"rule {name} alerts nobody: neither it nor [defaults] names a target" for name in names}
    _report_lasting(writer, config, now, "rule ", silent, "is no longer without a target")


def report_broken_plug_ins(writer: Writer, wired: Wired, now: int) -> None:
    """Tell health targets which entries a broken plug-in has stopped, once, and once when that is over."""
    parts: list[tuple[str, Source | Target]] = [
        *((f"the plug-in of source {name}", source) for name, source in wired.sources.items()),
        *((f"the plug-in of target {name}", target) for name, target in wired.targets.items()),
    ]
    broken = {about: f"{about}: {part.plug_in_trouble}" for about, part in parts if isinstance(part, BrokenPlugIn)}
    _report_lasting(writer, wired.config, now, "the plug-in of ", broken, "is no longer broken")


def _report_lasting(writer: Writer, config: Config, now: int, prefix: str, found: Mapping[str, str], over: str) -> None:
    health = [settings.name for settings in config.targets if settings.health]
    before = notices.read_lasting(writer, (f"{prefix}%",))
    for about, sentence in found.items():
        if about not in before:
            notices.add(writer, now, about, sentence, ends=False)
            outbox.announce(writer, health, about, sentence, now)
    for about in before.keys() - found.keys():
        sentence = f"{about} {over}"
        notices.add(writer, now, about, sentence, ends=True)
        outbox.announce(writer, health, about, sentence, now)


def changed_at(config: Config) -> int:
    """When the config file was last written, in microseconds UTC; 0 where that cannot be read."""
    try:
        return config.path.stat().st_mtime_ns // 1_000 if config.path else 0
    except OSError:
        return 0
