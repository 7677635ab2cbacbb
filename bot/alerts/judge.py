"""PURE: one post as it is now, and its earlier matches -> its new matches, and the targets of each."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from bot.alerts.passages import WRITTEN, Passage, find_passages, join_passages, select_written, split_sentences
from bot.alerts.plan import Plan, Reason, plan
from bot.alerts.possible import Possible, find_possible
from bot.rules import RuleMatch
from storage.frozen import dataclass
from storage.language.fold import fold
from storage.language.match import Document, only_reliable
from storage.records import Hit, MatchKind, MatchRow, PostFacts

if TYPE_CHECKING:
    from bot.alerts.loaded_rules import LoadedRules


@dataclass(frozen=True, slots=True)
class EarlierMatches:
    """What was decided on one post until now, oldest first, and the texts that contain its hits, by id."""

    matches: tuple[MatchRow, ...] = ()
    texts: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EarlierState:
    """What the post said when rules last saw it, as it is read now: `document` has its own words of then.

    `edited` says that its source has changed it since. Unless `alerts`, an edit of a post that was there before us
    alerts nobody.
    """

    document: Document
    edited: bool
    alerts: bool = True


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one loaded rule finds in the post as it is now; no hits, and `matched` False, if nothing."""

    rule: str
    version: str
    matched: bool
    hits: tuple[Hit, ...]


def judge(
    document: Document,
    facts: PostFacts,
    earlier: EarlierMatches,
    loaded: "LoadedRules",
    since: Callable[[str], int],
    now: int,
    *,
    held: frozenset[str] = frozenset(),
    seen: EarlierState | None = None,
) -> list[tuple[MatchRow, tuple[str, ...]]]:
    """Decide on one post: its new matches, each with the targets that get an alert.

    A rule matches a post once ("match"). After that only a change of the matching passages counts ("edited": other
    sentences around the hits, or none left), and once that the post is gone ("deleted"). Rules that are no longer
    loaded are skipped, and so are those in `held`; `since` gives the number at which a rule was first loaded. What
    matches only in unreliable machine text alerts at most once, as possible, where the words are long enough; later
    machine text that is sure does not alert again. `seen` is what the post is compared with where matches alone do not
    say what is new: after an edit, and after a better reader.
    """
    reliable = only_reliable(document)
    hits: dict[str, RuleMatch] = {match.rule: match for match in loaded.ruleset.match(reliable)}
    possible = {} if reliable is document else find_possible(document, loaded.ruleset, hits)
    compared = None if seen is None else _Compared.of(seen, reliable, facts, loaded)
    verdicts: list[tuple[MatchRow, tuple[str, ...]]] = []
    by_rule: dict[str, list[MatchRow]] = {}
    for match in earlier.matches:
        by_rule.setdefault(match.rule, []).append(match)
    for rule in loaded.ruleset.in_order({*hits, *possible, *by_rule} - held):  # nothing is new about any other
        name, mine = rule.name, by_rule.get(rule.name, [])
        history = [match for match in mine if match.why != Reason.UNRELIABLE]
        if name in possible and not history:
            stood = _is_read_again(document, possible[name].hits)
            decision = plan(
                "match",
                loaded.alerting[name],
                facts,
                rule_since=since(name),
                first_alerted=False,
                matches=True,
                stood=stood,
            )
            verdicts += _judge_possible(document, name, possible[name], mine, decision, now)
        if name not in hits and not history:
            continue
        found = RuleResult(name, rule.version, name in hits, hits[name].hits if name in hits else ())
        silent = not facts.alerts or facts.seq < since(name)
        put_in = compared is not None and compared.is_put_in(name)
        gone = facts.deleted_at is not None
        for row in find_news(document, found, history, earlier.texts, deleted=gone, now=now, compared=compared):
            kind: MatchKind = "edited" if row.kind == "match" and put_in and silent else row.kind
            changed = row.kind == "edited" and found.matched and document.source in loaded.documents
            decision = plan(
                kind,
                loaded.alerting[name],
                facts,
                rule_since=since(name),
                first_alerted=any(match.alerting for match in history),
                matches=found.matched,
                put_in=put_in or changed,
                stood=_is_read_again(document, row.hits)
                or (compared is not None and compared.has_stood(name, silent=silent)),
            )
            row = replace(row, kind=kind, alerting=decision.alerting, why=decision.why)
            history.append(row)
            verdicts.append((row, decision.targets))
    return verdicts


@dataclass(frozen=True, slots=True)
class _Compared:
    """What rules find in the words of then, and in the post's own words of now."""

    then: Mapping[str, RuleMatch]
    here: Mapping[str, RuleMatch]
    texts: Mapping[int, str]  # of both, by id
    edited: bool
    read_again: bool

    @classmethod
    def of(cls, seen: EarlierState, document: Document, facts: PostFacts, loaded: "LoadedRules") -> "_Compared":
        own = replace(document, texts=tuple(text for text in document.texts if text.kind in WRITTEN))
        texts = {text.text_id: text.text for text in (*seen.document.texts, *own.texts)}
        then = {match.rule: match for match in loaded.ruleset.match(seen.document)}
        edited = seen.edited and (facts.alerts or seen.alerts)
        here = {match.rule: match for match in loaded.ruleset.match(own)} if edited else {}
        return cls(then, here, texts, edited, facts.read_again)

    def is_put_in(self, rule: str) -> bool:
        """Whether the edit put words in that match: others, or more of them."""
        return self.edited and rule in self.here and bool(self._words(self.here, rule) - self._words(self.then, rule))

    def has_stood(self, rule: str, *, silent: bool) -> bool:
        """Whether all that is new about a match is that a better reader or a better folding sees it.

        A rule that is not `silent` on the post saw the words of then: without a stored match, it did not find them.
        """
        if rule not in self.then or self.is_put_in(rule):
            return False
        return self.read_again or (self.edited and not silent and bool(self.then[rule].hits))

    def find_then(self, rule: str) -> tuple[Passage, ...] | None:
        """The passages of then as they are read now; None where the match that was stored says them."""
        if not self.read_again:
            return None
        return find_passages(self.texts, self.then[rule].hits) if rule in self.then else ()

    def _words(self, found: Mapping[str, RuleMatch], rule: str) -> Counter[str]:
        hits = [hit for hit in found[rule].hits if hit.kind in WRITTEN] if rule in found else []
        return Counter(fold(self.texts[hit.text_id][hit.start : hit.end]) for hit in hits)


def _judge_possible(
    document: Document, rule: str, found: Possible, earlier: Sequence[MatchRow], decision: Plan, now: int
) -> list[tuple[MatchRow, tuple[str, ...]]]:
    """An alert about doubtful words that are no chance; or else a note, once for the same texts."""
    state = hash_document(document, deleted=False)
    row = MatchRow(
        rule,
        found.version,
        document.post_id,
        state,
        "match",
        now,
        found.hits,
        alerting=False,
        why=Reason.UNRELIABLE,
    )
    known = {hit.text_id for match in earlier for hit in match.hits}
    if found.telling and decision.alerting and not {hit.text_id for hit in found.hits} <= known:
        return [(replace(row, alerting=True, why=Reason.POSSIBLE), decision.targets)]
    return [] if earlier else [(row, ())]


def _is_read_again(document: Document, hits: Sequence[Hit]) -> bool:
    """Whether all hits are in words that an engine made of a file which had been read before."""
    again = {text.text_id for text in document.texts if text.again}
    return bool(hits) and all(hit.text_id in again for hit in hits)


def find_news(
    document: Document,
    found: RuleResult,
    history: Sequence[MatchRow],
    old_texts: Mapping[int, str],
    *,
    deleted: bool,
    now: int,
    compared: "_Compared | None" = None,
) -> Iterator[MatchRow]:
    """Yield what is new for one rule and post; `plan` decides whether it alerts."""

    def row(kind: MatchKind, hits: tuple[Hit, ...], before: str | None = None) -> MatchRow:
        state = hash_document(document, deleted=kind == "deleted")
        return MatchRow(
            found.rule, found.version, document.post_id, state, kind, now, hits, alerting=False, why="", before=before
        )

    latest = next((match for match in reversed(history) if match.kind != "deleted"), None)
    if latest is None and found.matched:
        yield row("match", found.hits)
    if latest is not None and not deleted:
        texts = {text.text_id: text.text for text in document.texts}
        reread = None if compared is None else compared.find_then(found.rule)
        then = find_passages(old_texts, latest.hits) if reread is None else reread
        if has_changed(then, find_passages(texts, found.hits), texts, same_rule=found.version == latest.rule_version):
            yield row("edited", found.hits, join_passages(then) or None)
    if deleted and not any(match.kind == "deleted" for match in history):
        yield row("deleted", found.hits or (latest.hits if latest else ()))


def has_changed(then: Sequence[Passage], here: Sequence[Passage], texts: Mapping[int, str], *, same_rule: bool) -> bool:
    """Whether an edit changed what had matched, and not only another part of the post.

    It compares the folded sentences around the hits, in what the source itself wrote. If the rule was changed in
    between, only the loss of such a sentence counts, because what is new may come from the rule.
    """
    if same_rule:
        return fold_passages(select_written(then)) != fold_passages(select_written(here))
    present = {fold(sentence.strip()) for text in texts.values() for sentence in split_sentences(text)}
    return any(
        fold(sentence.strip()) not in present
        for passage in select_written(then)
        for sentence in split_sentences(passage.text)
    )


def fold_passages(found: Iterable[Passage]) -> set[tuple[str, str]]:
    """What passages say, as it is compared."""
    return {(passage.kind, fold(passage.text)) for passage in found}


def hash_document(document: Document, *, deleted: bool) -> str:
    """Name one state of a post: the same texts of one revision give the same hash, so that a repeat adds nothing."""
    state = sha256(b"deleted" if deleted else b"")
    for text in sorted(document.texts, key=lambda text: text.text_id):
        state.update(f"\0{text.text_id}\0{text.kind}\0{text.text}".encode("utf-8", "surrogatepass"))
    return state.hexdigest()
