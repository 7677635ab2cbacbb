"""Mutes: made from what a person asks for, and obeyed where a message is decided and where its turn comes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from bot.clock import DAY
from bot.contracts.amounts import written
from bot.errors import UserError
from bot.events.folding import Alert, split_targets
from bot.foreign.text import one_line
from bot.rules import MEDIA_RULE
from bot.suggest import did_you_mean
from storage.alerts import matches, mutes, retrying
from storage.alerts.mutes import Mute
from storage.events import heard
from storage.events.heard import Heard
from storage.frozen import dataclass
from storage.language.match import Document, PreparedDocument, holds
from storage.language.query import QueryError, parse
from storage.records import PRIORITIES
from storage.search import documents

if TYPE_CHECKING:
    from bot.config import Config
    from storage.alerts.holding import HeldRow
    from storage.alerts.retrying import Retried
    from storage.alerts.settlement import Claimed
    from storage.archive.database import Reader, Writer
    from storage.language.query import Query
    from storage.records import DeliveryRow

LONGEST = 7 * DAY
_AT_ONCE = 200  # posts in memory
_MOST_LETTERS = 500  # of a reason and of a name
_MAX = PRIORITIES.index("max")
Terms = Mapping[str, Sequence[str]]
"""The phrases of each @name of the config."""


# What a person asks for ----------------------------------------------------------------------------------------------


def check_mute(config: "Config", mute: Mute) -> Mute:
    """The mute that a person means: names are known, and a source may be named by its handle or a link.

    Raises UserError for what cannot be meant, QueryError for a mistake in the query. Nothing is written: `mutes.add`
    does, in the caller's transaction.
    """
    if not any((mute.rule, mute.source, mute.tag, mute.query, mute.target)):
        raise UserError("say what to mute: a rule, a source, a tag, a query or a target")
    length = mute.until - mute.from_at
    if not 0 < length <= LONGEST:
        asked = f"not {written(length)}" if length else "and longer than nothing"
        raise UserError(f"a mute lasts {written(LONGEST)} at most, {asked}: when it is over, mute again", about="for")
    if mute.query is not None:
        parse(mute.query, terms=config.phrases())
    return replace(
        mute,
        rule=_known(mute.rule, _list_rules(config), "rule"),
        source=_find_source(config, mute.source),
        tag=_known(mute.tag, {tag for source in config.sources for tag in source.tags}, "tag"),
        target=_known(mute.target, [target.name for target in config.targets], "target"),
        why=_words(mute.why, "why", "say why, so that others understand the silence"),
        who=_words(mute.who, "who", "say who mutes"),
    )


def _list_rules(config: "Config") -> list[str]:
    alerting_on_files = (source.name for source in config.sources if config.alerts_on(source))
    return [*(rule.name for rule in config.rules), *(f"{MEDIA_RULE}{name}" for name in alerting_on_files)]


def _find_source(config: "Config", name: str | None) -> str | None:
    names = [source.name for source in config.sources]
    if name is not None and name not in names:
        meant = next((source.name for source in config.sources if source.is_meant_by(name)), None)
        return meant or _known(name, names, "source")
    return name


def _known(name: str | None, known: Collection[str], noun: str) -> str | None:
    if name is not None and name not in known:
        raise UserError(f"there is no {noun} {one_line(name)} in the config{did_you_mean(name, known)}", about=noun)
    return name


def _words(text: str, about: str, missing: str) -> str:
    words = text.encode(errors="replace").decode().strip()
    if not words:
        raise UserError(missing, about=about)
    if len(words) > _MOST_LETTERS:
        raise UserError(f"{_MOST_LETTERS} characters are enough for a reason or a name, not {len(words)}", about=about)
    return words


# Where it is obeyed --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Muting:
    """The mutes that are active at one moment, and the query of each that has one.

    A query with a term that the config no longer has holds nothing: rather an alert too many.
    """

    active: Sequence[Mute]
    queries: "Mapping[int, Query]"

    @classmethod
    def read(cls, reader: "Reader", now: int, terms: Terms) -> Self:
        """Read them in the transaction that decides: a mute holds from its commit on."""
        active = mutes.read_active(reader, now)
        read = {mute.id: _parse(mute.query, terms) for mute in active if mute.query is not None}
        return cls(active, {mute_id: query for mute_id, query in read.items() if query is not None})

    def find(self, document: Document, rule: str, target: str, priority: int) -> int | None:
        """The first mute that holds an alert of `rule` about this post to `target`; `priority` 0 is max."""
        return next((mute.id for mute in self.active if self._fits(mute, document, rule, target, priority)), None)

    def split(
        self, document: Document, rule: str, targets: Iterable[str], priority: int
    ) -> tuple[tuple[str, ...], dict[str, int]]:
        """The targets that get the alert, and those that do not, each with its mute."""
        if not self.active:
            return tuple(targets), {}
        found = {target: self.find(document, rule, target, priority) for target in targets}
        held = {target: mute for target, mute in found.items() if mute is not None}
        return tuple(target for target in found if target not in held), held

    def _fits(self, mute: Mute, document: Document, rule: str, target: str, priority: int) -> bool:
        return (
            (mute.even_max or priority != _MAX)
            and mute.rule in (None, rule)
            and mute.target in (None, target)
            and mute.source in (None, document.source)
            and (mute.tag is None or mute.tag in document.tags)
            and (mute.query is None or self._asks_for(mute, document))
        )

    def _asks_for(self, mute: Mute, document: Document) -> bool:
        query = self.queries.get(mute.id)
        return query is not None and holds(query.root, PreparedDocument(document))


def _parse(text: str, terms: Terms) -> "Query | None":
    try:
        return parse(text, terms=terms)
    except QueryError:
        return None


@dataclass(frozen=True, slots=True)
class HoldMuted:
    """Asked for each message whose turn came: one that waited already when its mute began is silenced now.

    Where one is, many are: those behind it are looked at together, which is ten times as fast. Messages about no post,
    and those that a person wants sent, are held by no mute.
    """

    terms: Terms
    now: int

    def __call__(self, writer: "Writer", claimed: "Sequence[Claimed]") -> set[int]:
        """Settle the messages that a mute holds; which."""
        rows = [one.row for one in claimed if one.row.match_id is not None and not one.row.asked]
        muting = Muting.read(writer, self.now, self.terms) if rows else Muting((), {})
        held = {row.id for row in rows if muting.active and self._hold(writer, muting, row)}
        if held:
            self.silence_held(
                writer, rows[0].target, mutes.list_waiting(writer, rows[0].target, self.now, limit=_AT_ONCE)
            )
        return held

    def _hold(self, writer: "Writer", muting: Muting, row: "DeliveryRow") -> bool:
        assert row.match_id is not None
        rule, post_id = matches.find_rule_and_post(writer, row.match_id)
        document = documents.load_documents(writer, [post_id])[post_id]
        mute = muting.find(document, rule, row.target, row.priority)
        if mute is None:
            return False
        mutes.hold(writer, row.id, mute, self.now)
        heard.take_up(writer, row.id, self.now)  # a copy of the same statement may be held by no mute
        return True

    def silence_held(self, writer: "Writer", target: str, waiting: "Sequence[HeldRow]") -> "list[HeldRow]":
        """Settle those that a mute holds, of one target; what is left, in the same order."""
        muting = Muting.read(writer, self.now, self.terms)
        held: dict[int, int] = {}
        for start in range(0, len(waiting) if muting.active else 0, _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            found = documents.load_documents(writer, {row.post_id for row in some})
            for row in some:
                mute = muting.find(found[row.post_id], row.rule, target, row.priority)
                if mute is not None:
                    held[row.id] = mute
        mutes.hold_waiting(writer, held, self.now)
        for delivery in held:
            heard.take_up(writer, delivery, self.now)
        return [row for row in waiting if row.id not in held]


# What it held --------------------------------------------------------------------------------------------------------


def release(writer: "Writer", mute_id: int, folding: Collection[str], now: int) -> tuple["Retried", int]:
    """Let everything that a mute held be sent; of a statement with copies once, where the target folds them.

    Returns what is due now, and how many copies were joined.
    """
    said: dict[int, list[Heard]] = {}
    joined = []
    for delivery, event, alert in heard.list_silenced(writer, mute_id):
        if event is None:
            continue
        known = said.setdefault(event, [])
        if not known:
            known += heard.read_heard(writer, event)
        if split_targets(Alert(alert.rule, alert.priority, alert.side, (alert.target,)), folding, known)[1]:
            joined.append(delivery)
        else:
            known.append(alert)
    heard.join(writer, joined, now)
    return retrying.retry(writer, now, mute_id=mute_id), len(joined)
