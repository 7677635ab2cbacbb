"""The rules of a checked config: compiled, each with its version and with the targets that its alerts go to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from bot.alerts.facing import FacingRules, load_facing
from bot.alerts.plan import Alerting
from bot.alerts.render import Rendering
from bot.events.finding import EventRules, read_names
from bot.events.likeness import Nearness
from bot.rules import MEDIA_RULE, Rule, RuleSet, compile_rules
from storage.alerts import rules
from storage.frozen import dataclass
from storage.language.meaning import LANGUAGE_VERSION, list_changes
from storage.language.query import parse
from storage.language.terms import guards
from storage.records import Escalation

if TYPE_CHECKING:
    from bot.config import Config
    from bot.config.model import RuleConfig
    from storage.archive.database import Writer

_Entry = tuple[str, str, Sequence[str], Sequence[str]]  # name, query, tags, sources


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """`loaded` holds (name, version, query) of each rule, in the order in which they are decided.

    `files` are the kinds of file that a source alerts on, by the name of its media rule. Texts of the sources in
    `translated` go to a translator; edits of history alert nobody in `quiet_edits_of_history`. `events` None: copies
    are not looked for; `folding` are the targets that fold them. `terms` are the phrases of each @name. `facing` are
    the pairs of sides whose statements face each other. Changes of the one post of a source in `documents` are news.
    """

    ruleset: RuleSet
    alerting: Mapping[str, Alerting]
    loaded: tuple[tuple[str, str, str], ...]
    files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    translated: frozenset[str] = frozenset()
    quiet_edits_of_history: frozenset[str] = frozenset()
    events: EventRules | None = None
    folding: frozenset[str] = frozenset()
    terms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facing: FacingRules | None = None
    documents: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: "Config") -> Self:
        """Compile the rules of a checked config. Raises QueryError for a query that `load` would have refused."""
        media = list(_media_rules(config))
        entries: list[_Entry] = [(name, _query_for(kinds), (), (source,)) for name, source, kinds, _ in media]
        entries += [(rule.name, rule.query, rule.tags, rule.sources) for rule in config.rules]  # these reply to media
        compiled = list(_compiled(entries, config))
        alerting = {rule.name: _alerting(config, rule) for rule in config.rules}
        translators = [engine for engine in config.engines if engine.translates]
        return cls(
            compile_rules(compiled),
            alerting | {name: alerts for name, _, _, alerts in media},
            tuple((rule.name, rule.version, entry[1]) for rule, entry in zip(compiled, entries, strict=True)),
            {name: frozenset(kinds) for name, _, kinds, _ in media},
            frozenset(
                source.name
                for source in config.sources
                if any(engine.covers(source.name, source.tags) for engine in translators)
            ),
            frozenset(source.name for source in config.sources if not source.alert_edits_of_history),
            EventRules(
                Nearness(config.events.alike, config.events.contained), read_names(config.phrases()), config.events.wait
            )
            if config.events.enabled
            else None,
            frozenset(target.name for target in config.targets if target.fold),
            config.phrases(),
            load_facing(config),
            frozenset(
                source.name for source in config.sources if source.is_one_document() and source.alert_edits_of_history
            ),
        )

    def declare(self, writer: "Writer", now: int) -> None:
        """Store which rules are loaded since when: posts from before never alert."""
        rules.save_versions(writer, self.loaded, now)

    def list_changed_meanings(self, writer: "Writer") -> list[str]:
        """What there is to say, once, of rules that a new version of the query language reads in another way."""
        if not rules.take_up_language(writer):
            return []
        languages = rules.read_languages(writer)
        return [
            f'the rule "{name}" means something else since this version: {change}'
            for rule, (name, _, text) in zip(self.ruleset.rules, self.loaded, strict=True)
            if (change := "; ".join(list_changes(rule.query, languages.get((name, text), LANGUAGE_VERSION))))
        ]

    def versions_before(self, renamed: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
        """Rules that name a renamed source (present -> former name): the rule, its version until now, its version."""
        for rule in self.ruleset.rules:
            former = [renamed.get(source, source) for source in rule.sources]
            if former != list(rule.sources):
                text = next(query for name, _, query in self.loaded if name == rule.name)
                yield rule.name, rule_version(text, rule.tags, former, rule.query.terms), rule.version

    def escalations(self) -> dict[str, Escalation]:
        """Who hears of an alert that nobody takes up, by the name of its rule."""
        return {name: found.escalation for name, found in self.alerting.items() if found.escalation is not None}

    def rendering(
        self, zone: ZoneInfo, data_dir: Path | None = None, answered: frozenset[str] = frozenset()
    ) -> Rendering:
        """What render needs beside the archive; files are attached only if the data directory is given."""
        priorities = {name: alerting.priority for name, alerting in self.alerting.items()}
        return Rendering(zone, priorities, self.files, data_dir, answered)


def _alerting(config: "Config", rule: "RuleConfig") -> Alerting:
    asked = rule.escalate
    escalation = None if asked is None else Escalation(asked.after, tuple(dict.fromkeys(asked.targets)))
    return Alerting(config.rule_targets(rule), rule.priority, escalation)


def _media_rules(config: "Config") -> Iterator[tuple[str, str, Sequence[str], Alerting]]:
    """For each source that alerts on files: the name of its rule, its own name, the kinds, the targets."""
    for source in config.sources:
        kinds = config.alerts_on(source)
        if kinds and source.enabled:
            yield f"{MEDIA_RULE}{source.name}", source.name, kinds, Alerting(config.media_targets(source))


def _query_for(kinds: Iterable[str]) -> str:
    return " OR ".join(f"has:{kind}" for kind in kinds)


def _compiled(entries: Sequence[_Entry], config: "Config") -> Iterator[Rule]:
    phrases = config.phrases()
    parsed = {query: config.queries.get(query) or parse(query, terms=phrases) for _, query, _, _ in entries}
    for name, query, tags, sources in entries:
        yield Rule(name, parsed[query], rule_version(query, tags, sources, parsed[query].terms), tags, sources)


def rule_version(
    query: str, tags: Iterable[str], sources: Iterable[str], terms: Iterable[tuple[str, Sequence[str]]] = ()
) -> str:
    """Name one version of a rule: a hash of its query, the phrases of its terms and its scope; not of its targets."""
    named = (part for name, phrases in terms for part in ("", f"@{name}", *phrases, *guards(phrases)))
    scope = "\0".join((query, *sorted(tags), "", *sorted(sources), *named))
    return sha256(scope.encode("utf-8", "surrogatepass")).hexdigest()[:12]
