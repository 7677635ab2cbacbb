"""New text -> matches and the deliveries that they owe, in one transaction; told again it changes nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from bot.alerts.passages import Passage, passages, quoted, sentences, written
from bot.alerts.plan import UNRELIABLE, Alerting, plan
from bot.alerts.render import Rendering
from bot.clock import SECOND
from bot.rules import MEDIA_RULE, Rule, RuleMatch, RuleSet, compile_rules
from storage import jobs
from storage.alerts import matches, rules
from storage.jobs import ClaimedJob, NewJob
from storage.language.fold import fold
from storage.language.match import Document
from storage.language.query import parse
from storage.media import rows
from storage.records import Hit, MatchKind, MatchRow, PostFacts
from storage.search import documents

if TYPE_CHECKING:
    from bot.config import Config
    from storage.archive.database import Writer

_AT_ONCE = 100  # posts in one transaction: short enough for other writers, long enough to be cheap
_HOLD = 10 * SECOND  # that an alert on a file waits at most for the bytes, to bring them along
_LEASE = 60_000_000  # microseconds until a post on which we broke is tried again


@dataclass(frozen=True, slots=True)
class Deciding:
    """The rules of one config: compiled, who hears of each, and (name, version, query) as they were loaded.

    `files` are the kinds of file that a source alerts on, by the name of the rule that stands for it. `translated` are
    the sources whose new words go to a translator.
    """

    ruleset: RuleSet
    alerting: Mapping[str, Alerting]
    loaded: tuple[tuple[str, str, str], ...]
    files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    translated: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: "Config") -> Self:
        """Compile the rules of a checked config. Raises QueryError for a query that `load` would have refused."""
        alerting = {rule.name: Alerting(config.rule_targets(rule), rule.priority) for rule in config.rules}
        written: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = []  # files first: their words reply to them
        files: dict[str, frozenset[str]] = {}
        for source in config.sources:
            kinds = config.alerts_on(source)
            if kinds and source.enabled:
                name = f"{MEDIA_RULE}{source.name}"
                written.append((name, " OR ".join(f"has:{kind}" for kind in kinds), (), (source.name,)))
                alerting[name] = Alerting(config.media_targets(source))
                files[name] = frozenset(kinds)
        written += [(rule.name, rule.query, rule.tags, rule.sources) for rule in config.rules]
        phrases = config.phrases()
        read = {query: parse(query, terms=phrases) for _, query, _, _ in written}
        compiled = [
            Rule(name, read[query], version(query, tags, sources, read[query].terms), tags, sources)
            for name, query, tags, sources in written
        ]
        loaded = tuple((made.name, made.version, rule[1]) for made, rule in zip(compiled, written, strict=True))
        translators = [engine for engine in config.engines if engine.translates]
        translated = frozenset(
            source.name
            for source in config.sources
            if any(engine.covers(source.name, source.tags) for engine in translators)
        )
        return cls(compile_rules(compiled), alerting, loaded, files, translated)

    def declare(self, writer: "Writer", now: int) -> None:
        """Keep which rules are loaded since when: older posts never alert."""
        rules.remember(writer, self.loaded, now)

    def rendering(self, zone: ZoneInfo, data_dir: Path | None = None) -> Rendering:
        """What render needs beside the archive; files are attached where the data directory is given."""
        priorities = {name: alerting.priority for name, alerting in self.alerting.items()}
        return Rendering(zone, priorities, self.files, data_dir)


def version(
    query: str, tags: Iterable[str], sources: Iterable[str], terms: Iterable[tuple[str, Iterable[str]]] = ()
) -> str:
    """Name one version of a rule: its query, what the terms in it stand for, and its scope; not its targets."""
    named = (part for name, phrases in terms for part in ("", f"@{name}", *phrases))
    scope = "\0".join((query, *sorted(tags), "", *sorted(sources), *named))
    return sha256(scope.encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Decided:
    """What one call did. `owed` counts new deliveries; `more` asks to be called again; `notices` are to be spoken."""

    posts: int = 0
    matches: int = 0
    owed: int = 0
    failed: int = 0
    more: bool = False
    notices: tuple[str, ...] = ()


def claim(writer: "Writer", now: int, *, limit: int = _AT_ONCE) -> list[ClaimedJob]:
    """Take the posts whose `decide` job is due. Commit it before `decide`, so that it is known on which posts we died.

    Those are taken by themselves, after all others, and given up the third time.
    """
    return jobs.claim(writer, "decide", now, lease=_LEASE, limit=limit, alone=True)


def decide(
    writer: "Writer",
    deciding: Deciding,
    now: int,
    *,
    limit: int = _AT_ONCE,
    claimed: Sequence[ClaimedJob] | None = None,
) -> Decided:
    """Run the rules on claimed posts, or else on all that are due; call it in one transaction.

    A post on which a rule breaks is put off, and given up the third time; no other post waits for it. Errors of the
    database go through.
    """
    claimed = claim(writer, now, limit=limit) if claimed is None else claimed
    ids = [job.post_id for job in claimed]
    found, standings, earlier = (
        documents.load(writer, ids),
        matches.facts_of_posts(writer, ids),
        matches.earlier(writer, ids),
    )
    since = rules.first_loaded(writer)
    stored = owed = failed = 0
    notices: list[str] = []
    done: list[int] = []
    later: list[NewJob] = []
    awaited = rows.awaited(writer, ids) if deciding.files else {}
    for job in claimed:
        history = tuple(earlier.get(job.post_id, ()))
        texts = matches.texts(writer, (hit for match in history for hit in match.hits)) if history else {}
        document, standing = found[job.post_id], standings[job.post_id]
        held = _held(document, standing, deciding, awaited.get(job.post_id, frozenset()), now)
        try:
            verdicts = judge(document, standing, Before(history, texts), deciding, since, now, held=held)
        except Exception as problem:  # noqa: BLE001 - whatever a rule does to one post, the next is still decided
            reason = f"rules broke on it: {type(problem).__name__}: {problem}"[:300]
            failed += 1
            if jobs.failed(writer, job.id, now, reason):
                notices.append(f"post {job.post_id} is given up: {reason}")
            continue
        done.append(job.id)
        if held:
            later.append(NewJob("decide", job.post_id, standing.collected_at + _HOLD))
        if document.source in deciding.translated and standing.alerts:
            later.append(NewJob("translation", job.post_id, now))
        for match, targets in verdicts:
            if matches.save(writer, match, targets, now) is not None:
                stored += 1
                owed += len(targets)
    jobs.done(writer, done)
    jobs.enqueue(writer, later)
    return Decided(len(claimed), stored, owed, failed, len(claimed) == limit, tuple(notices))


# Purely --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Before:
    """What was decided on one post until now, oldest first, and the texts that its hits stand in."""

    matches: tuple[MatchRow, ...] = ()
    texts: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one loaded rule finds in the post as it is now: no hits, and `matched` False, if nothing."""

    rule: str
    version: str
    matched: bool
    hits: tuple[Hit, ...]


def _held(
    document: Document, standing: PostFacts, deciding: Deciding, awaited: frozenset[str], now: int
) -> frozenset[str]:
    """Name the rule that is not decided yet: a file on which it alerts is about to come."""
    name = f"{MEDIA_RULE}{document.source}"
    kinds = {"video" if kind == "round" else kind for kind in awaited}
    wanted = bool(kinds & deciding.files.get(name, frozenset()))
    return frozenset({name} if wanted and standing.alerts and now < standing.collected_at + _HOLD else ())


def judge(
    document: Document,
    standing: PostFacts,
    before: Before,
    deciding: Deciding,
    since: Mapping[str, int],
    now: int,
    *,
    held: frozenset[str] = frozenset(),
) -> list[tuple[MatchRow, tuple[str, ...]]]:
    """Decide on one post: its new matches, each with the targets that hear of it.

    A rule's name matches a post once ("match"). Later only a change of what had matched counts ("edited": other
    sentences around the hits, or none left), and once that the post is gone ("deleted"). Rules that are no longer
    loaded say nothing more, those that are `held` nothing yet. What only unreliable machine text says is noted once,
    and alerts nobody: it stands in the way of nothing that reliable text says later.
    """
    reliable = replace(document, texts=tuple(text for text in document.texts if not text.unreliable))
    hits: dict[str, RuleMatch] = {match.rule: match for match in deciding.ruleset.match(reliable)}
    doubtful = hits
    if len(reliable.texts) < len(document.texts):
        doubtful = {match.rule: match for match in deciding.ruleset.match(document)}
    known = {match.rule for match in before.matches}
    verdicts: list[tuple[MatchRow, tuple[str, ...]]] = []
    for name, loaded, _ in deciding.loaded:
        if name in held:
            continue
        if name in doubtful and name not in hits and name not in known:
            verdicts.append((_doubted(document, doubtful[name], deciding, standing, since, now), ()))
        history = [match for match in before.matches if match.rule == name and match.why != UNRELIABLE]
        if name not in hits and not history:
            continue
        found = RuleResult(name, loaded, name in hits, hits[name].hits if name in hits else ())
        for row in news(document, found, history, before.texts, deleted=standing.deleted_at is not None, now=now):
            first = next((match for match in history if match.kind == "match"), None)
            decision = plan(
                row.kind,
                deciding.alerting[name],
                standing,
                rule_since=since.get(name, 0),
                first_alerted=first is not None and first.alerting,
                matches=found.matched,
            )
            row = replace(row, alerting=decision.alerting, why=decision.why)
            history.append(row)
            verdicts.append((row, decision.targets))
    return verdicts


def _doubted(
    document: Document, found: RuleMatch, deciding: Deciding, standing: PostFacts, since: Mapping[str, int], now: int
) -> MatchRow:
    """A match that stands on unreliable text alone."""
    decision = plan(
        "match",
        deciding.alerting[found.rule],
        standing,
        rule_since=since.get(found.rule, 0),
        first_alerted=False,
        matches=True,
        reliable=False,
    )
    state = document_hash(document, deleted=False)
    return MatchRow(
        found.rule, found.version, document.post_id, state, "match", now, found.hits, alerting=False, why=decision.why
    )


def news(
    document: Document,
    found: RuleResult,
    history: Sequence[MatchRow],
    old_texts: Mapping[int, str],
    *,
    deleted: bool,
    now: int,
) -> Iterator[MatchRow]:
    """Yield what is new for one rule and post; whether it alerts is left to the plan."""

    def row(kind: MatchKind, hits: tuple[Hit, ...], before: str | None = None) -> MatchRow:
        state = document_hash(document, deleted=kind == "deleted")
        return MatchRow(
            found.rule, found.version, document.post_id, state, kind, now, hits, alerting=False, why="", before=before
        )

    latest = next((match for match in reversed(history) if match.kind != "deleted"), None)
    if latest is None and found.matched:
        yield row("match", found.hits)
    if latest is not None and not deleted:
        texts = {text.text_id: text.text for text in document.texts}
        then = passages(old_texts, latest.hits)
        if changed(then, passages(texts, found.hits), texts, same_rule=found.version == latest.rule_version):
            yield row("edited", found.hits, quoted(then) or None)
    if deleted and not any(match.kind == "deleted" for match in history):
        yield row("deleted", found.hits or (latest.hits if latest else ()))


def changed(then: Sequence[Passage], here: Sequence[Passage], texts: Mapping[int, str], *, same_rule: bool) -> bool:
    """Tell an edit of what had matched from one elsewhere in the post.

    Compared are the folded sentences around the hits, in what the source itself wrote. If the rule was changed in
    between, only the loss of such a sentence counts, for what is new may be due to the rule.
    """
    if same_rule:
        return _folded(written(then)) != _folded(written(here))
    standing = {fold(sentence.strip()) for text in texts.values() for sentence in sentences(text)}
    return any(
        fold(sentence.strip()) not in standing for passage in written(then) for sentence in sentences(passage.text)
    )


def _folded(found: Iterable[Passage]) -> set[tuple[str, str]]:
    return {(passage.kind, fold(passage.text)) for passage in found}


def document_hash(document: Document, *, deleted: bool) -> str:
    """Name one state of a post: the same texts of the same revision give the same hash, so that a redo adds nothing."""
    state = sha256(b"deleted" if deleted else b"")
    for text in sorted(document.texts, key=lambda text: text.text_id):
        state.update(f"\0{text.text_id}\0{text.kind}\0{text.text}".encode("utf-8", "surrogatepass"))
    return state.hexdigest()
