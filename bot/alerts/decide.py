"""New text -> matches and the deliveries that follow, in one transaction; a repeat changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

from bot.alerts.facing import FacingSearch
from bot.alerts.former import judge_all
from bot.alerts.judge import EarlierMatches, EarlierState
from bot.alerts.muting import Muting
from bot.clock import SECOND
from bot.events.folding import Alert, split_targets
from bot.events.placing import place_arrived
from bot.rules import MEDIA_RULE
from storage import jobs
from storage.alerts import matches, rules, stale
from storage.answers import escalations
from storage.events import growing, heard, members
from storage.frozen import dataclass
from storage.jobs import ClaimedJob, NewJob
from storage.media import rows
from storage.records import LATE, PRIORITIES
from storage.search import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bot.alerts.former import Verdict
    from bot.alerts.loaded_rules import LoadedRules
    from storage.archive.database import Writer
    from storage.language.match import Document
    from storage.records import MatchRow, PostFacts

_AT_ONCE = 100  # posts in one transaction: short enough for other writers, long enough to be cheap
_HOLD = 10 * SECOND  # at most that an alert on a file waits for the bytes, to attach them
_MOST_UNSEEN = 500  # former wordings of one post, the newest: a server may claim any number of them
_LEASE = 60 * SECOND  # until a post on which a rule broke is tried again


@dataclass(frozen=True, slots=True)
class Decided:
    """What one call did. `owed` counts new messages; `more` asks for another call."""

    posts: int = 0
    matches: int = 0
    owed: int = 0
    failed: int = 0
    more: bool = False


def claim(writer: "Writer", now: int, *, limit: int = _AT_ONCE, healthy: bool = False) -> list[ClaimedJob]:
    """Take the posts whose `decide` job is due. Commit before `decide`, so that a crash shows on which posts it was.

    Those posts are then taken one at a time: see storage.alerts.deaths.
    """
    return jobs.claim(writer, "decide", now, lease=_LEASE, limit=limit, healthy=healthy)


def decide(
    writer: "Writer",
    loaded: "LoadedRules",
    now: int,
    *,
    limit: int = _AT_ONCE,
    claimed: Sequence[ClaimedJob] | None = None,
) -> Decided:
    """Run the rules on claimed posts, or else on all that are due; call it in one transaction.

    A post on which a rule breaks is tried again later, and given up the third time; other posts do not wait for it.
    Raises what the database raises.
    """
    claimed = claim(writer, now, limit=limit) if claimed is None else claimed
    if loaded.events is not None:
        place_arrived(writer, loaded.events)
    ids = [job.post_id for job in claimed]
    found, facts, earlier = (
        documents.load_documents(writer, ids),
        matches.read_facts(writer, ids),
        matches.read_earlier(writer, ids),
    )
    since = cache(partial(rules.find_first_loaded, writer))
    before = rules.read_undecided(writer, ids)
    stored = owed = failed = 0
    done: list[int] = []
    later: list[NewJob] = []
    awaited = rows.find_awaited_kinds(writer, ids) if loaded.files else {}
    seen = _seen(writer, claimed, found, facts, loaded)
    unseen = documents.load_former(writer, found, _unseen(claimed, facts, loaded, found))
    muting = Muting.read(writer, now, loaded.terms)
    faced = FacingSearch(writer, loaded.facing, now)
    for job in claimed:
        history = tuple(earlier.get(job.post_id, ()))
        texts = matches.read_texts(writer, (hit for match in history for hit in match.hits)) if history else {}
        document, post = found[job.post_id], facts[job.post_id]
        held = _held(document, post, loaded, awaited.get(job.post_id, frozenset()), now)
        try:
            verdicts: list[Verdict] = []
            for state, skipped in _split_rules(job, before.get(job.post_id, {}), loaded, since):
                then, between = seen, unseen
                if state is not job:
                    then = _seen(writer, [state], found, facts, loaded)
                    between = documents.load_former(writer, found, _unseen([state], facts, loaded, found))
                verdicts += judge_all(
                    between.get(job.post_id, ()),
                    document,
                    post,
                    EarlierMatches(history, texts),
                    loaded,
                    since,
                    now,
                    held=held | skipped,
                    seen=then.get(job.post_id),
                )
        except Exception as problem:  # noqa: BLE001 - whatever a rule does to one post, the next is still decided
            reason = f"a rule broke on it: {type(problem).__name__}: {problem}"[:300]
            failed += 1
            jobs.record_failure(writer, job.id, now, reason)
            continue
        done.append(job.id)
        if held:
            later.append(NewJob("decide", job.post_id, post.collected_at + _HOLD))
        if document.source in loaded.translated and post.alerts:
            later.append(NewJob("translation", job.post_id, now))
        for document, match, targets in verdicts:
            faces = faced.find(document, match)
            send, joined = _fold(writer, loaded, document, match, targets) if faces is None else (targets, ())
            priority = loaded.alerting[match.rule].priority
            send, muted = muting.split(document, match.rule, send, PRIORITIES.index(priority))
            due = now + (loaded.events.wait if loaded.events is not None and match.kind == "match" else 0)
            saved = matches.save(writer, match, send, now, priority=priority, joined=joined, silenced=muted, due=due)
            if saved is not None:
                _hold_stale(writer, saved, match, document, post)
                escalation = loaded.alerting[match.rule].escalation
                if escalation is not None and escalations.is_unreachable(writer, saved):
                    escalations.start_clock(writer, saved, {match.rule: escalation}, due)
                stored += 1
                owed += len(send)
                faced.note(saved, document, match, faces)
    if loaded.events is not None:
        growing.note_changes(writer, ids, now)
    jobs.finish(writer, done)
    if before:
        rules.forget_undecided(writer, [job.post_id for job in claimed if job.id in done])
    jobs.enqueue(writer, later)
    return Decided(len(claimed), stored, owed, failed, len(claimed) == limit)


def _hold_stale(writer: "Writer", saved: int, match: "MatchRow", document: "Document", post: "PostFacts") -> None:
    """Let stale news wait for its digest; most posts are asked for nothing."""
    late = document.posted_at is not None and post.collected_at - document.posted_at > LATE
    if late or match.kind != "match":
        stale.hold_stale(writer, saved)


def _split_rules(
    job: ClaimedJob, before: Mapping[int, int], loaded: "LoadedRules", since: "Callable[[str], int]"
) -> "Iterator[tuple[ClaimedJob, frozenset[str]]]":
    """The job, with the rules to be left out; then, for rules loaded while it waited, the job as they have to see it.

    For them all that was stored `before` they were loaded has always been there.
    """
    if not before:
        yield job, frozenset()
        return
    names = frozenset(rule.name for rule in loaded.ruleset.rules)
    young = {number: frozenset(name for name in names if since(name) == number) for number in before}
    yield job, frozenset().union(*young.values())
    for number, revision in before.items():
        if young[number]:
            yield replace(job, seen=revision), names - young[number]


def _seen(
    writer: "Writer",
    claimed: Sequence[ClaimedJob],
    found: "Mapping[int, Document]",
    facts: "Mapping[int, PostFacts]",
    loaded: "LoadedRules",
) -> dict[int, EarlierState]:
    """What posts said when rules last saw them, for those of which matches alone do not say what is new."""
    revisions = {job.post_id: job.seen for job in claimed if job.seen is not None}
    wanted = {
        post_id: revision
        for post_id, revision in revisions.items()
        if revision < facts[post_id].revision or facts[post_id].read_again
    }
    return {
        post_id: EarlierState(
            document, wanted[post_id] < facts[post_id].revision, document.source not in loaded.quiet_edits_of_history
        )
        for post_id, document in documents.load_seen(writer, found, wanted).items()
    }


def _unseen(
    claimed: Sequence[ClaimedJob],
    facts: "Mapping[int, PostFacts]",
    loaded: "LoadedRules",
    found: "Mapping[int, Document]",
) -> dict[int, range]:
    """The revisions of posts that were shown, but not to rules, before the one of now; where they may alert."""
    return {
        job.post_id: range(max(first, facts[job.post_id].revision - _MOST_UNSEEN), facts[job.post_id].revision)
        for job in claimed
        if (first := 0 if job.seen is None else job.seen + 1) < facts[job.post_id].revision
        and (
            facts[job.post_id].alerts
            or (job.seen is not None and found[job.post_id].source not in loaded.quiet_edits_of_history)
        )
    }


def _fold(
    writer: "Writer", loaded: "LoadedRules", document: "Document", match: "MatchRow", targets: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The targets that get a message about this match, and those that heard it of the first statement."""
    event = members.find_event(writer, match.post_id) if loaded.events is not None and targets else None
    if event is None:
        return tuple(targets), ()
    if match.kind != "match":  # what became of a copy is only counted
        joined = heard.find_only_joined(writer, match.post_id, match.rule)
        return tuple(name for name in targets if name not in joined), tuple(name for name in targets if name in joined)
    priority = PRIORITIES.index(loaded.alerting[match.rule].priority)
    voice = document.side if members.is_own_voice(writer, match.post_id) else None
    alert = Alert(match.rule, priority, voice, targets)
    return split_targets(alert, loaded.folding, heard.read_heard(writer, event))


def _held(
    document: "Document", post: "PostFacts", loaded: "LoadedRules", awaited: frozenset[str], now: int
) -> frozenset[str]:
    """The rule that is not decided yet, because a file on which it alerts is still being downloaded."""
    name = f"{MEDIA_RULE}{document.source}"
    kinds = {"video" if kind == "round" else kind for kind in awaited}
    wanted = bool(kinds & loaded.files.get(name, frozenset()))
    fresh = post.collected_at <= now < post.collected_at + _HOLD  # a post of tomorrow is one of a wrong clock
    return frozenset({name} if wanted and post.alerts and fresh else ())
