"""What a story says must be archived, against what is: asked in SQL, so that nothing of ours judges itself."""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256

from bot.clock import SECOND
from tests.telegram.in_process import Rig
from tests.telegram.scenario import Post, Story, Watched


def reached(story: Story, rig: Rig) -> None:
    """Note how far the first look at each channel has come: what is said from now on lies behind it."""
    for watched in story.watched.values():
        row = rig.row(watched.source)
        watched.reached = "after" if row.first_contact_at is not None else "meanwhile"


def manners(story: Story, rig: Rig) -> None:
    """Once we know of a wait, a name or the end of the account, nobody is asked against better knowledge."""
    now, journal = story.world.clock.monotonic(), story.world.journal
    for method, (since, until) in story.waits.items():
        assert [one for one in journal.calls(method, since=since) if one.at < until] == [], "a wait was broken"
    for name, since in story.names.items():
        later = journal.calls(since=since)
        asked = [one.method == "contacts.resolveUsername" and one.request.username == name for one in later]
        refused = [
            one.error in ("CHANNEL_PRIVATE", "CHANNEL_INVALID") for one in later
        ]  # then it may be looked up anew
        assert sum(asked) <= sum(refused), "a name was resolved again"
    calls = len(journal.calls())
    if not rig.account.status.dead:
        story.silent = None
    elif story.silent is None:  # what was on its way may still arrive
        story.silent = -1
    else:
        assert story.silent in (-1, calls), "a dead account was used"
        story.silent = calls
    ours = rig.collector.clock.now()
    known = {row[0]: now + (row[1] - ours) / SECOND for row in rig.ask("SELECT method, until FROM telegram_waits")}
    story.waits = {
        wait.method: (story.waits.get(wait.method, (now,))[0], min(wait.until, known[wait.method]))
        for wait in story.world.faults.waits()
        if known.get(wait.method, 0) > now
    }
    for (asked,) in rig.ask("SELECT asked FROM telegram_peers"):
        story.names.setdefault(asked.removeprefix("@"), now)


def revisions(watched: Watched, rig: Rig) -> dict[int, list[str]]:
    """Every archived wording of every post, oldest first, by number."""
    found: dict[int, list[str]] = {}
    for number, text in rig.ask(
        "SELECT p.number, r.text FROM posts p JOIN revisions_readable r ON r.post_id = p.id JOIN sources s ON s.id = p.source_id "
        "WHERE s.name = :name ORDER BY p.number, r.number",
        name=watched.source,
    ):
        found.setdefault(number, []).append(text)
    return found


def aside(watched: Watched, rig: Rig) -> set[int]:
    rows = rig.ask(
        "SELECT q.native_id FROM quarantine q JOIN sources s ON s.id = q.source_id WHERE s.name = :name",
        name=watched.source,
    )
    return {int(row[0]) for row in rows}


def gone(watched: Watched, rig: Rig) -> set[int]:
    """Numbers of archived posts that count as deleted."""
    rows = rig.ask(
        "SELECT p.number FROM posts p JOIN sources s ON s.id = p.source_id "
        "WHERE s.name = :name AND p.deleted_at IS NOT NULL",
        name=watched.source,
    )
    return {row[0] for row in rows}


def gaps(watched: Watched, rig: Rig) -> list[tuple[int | None, int | None]]:
    rows = rig.ask(
        "SELECT g.low, g.high FROM gaps g JOIN sources s ON s.id = g.source_id "
        "WHERE s.name = :name AND g.closed_at IS NULL",
        name=watched.source,
    )
    return [(row[0], row[1]) for row in rows]


def polled(watched: Watched, rig: Rig) -> None:
    """After a poll that went well, with the world holding still: it is all there, in these very words."""
    archived, quarantined = revisions(watched, rig), aside(watched, rig)
    missing = [post for post in watched.posts() if post.standing and not kept(post, archived, quarantined)]
    assert missing == [], "a poll went well and posts that stood there are not archived"
    for post in watched.newest_page():
        if not post.withheld and 1 not in post.numbers:
            watched.polled |= {(one.number, post.text) for one in post.parts}
    unsaid(watched, archived)


def kept(post: Post, archived: Iterable[int], quarantined: set[int]) -> bool:
    return bool(post.numbers & set(archived)) or (post.withheld and bool(post.numbers & quarantined))


def unsaid(watched: Watched, archived: dict[int, list[str]]) -> None:
    """Every wording that stood there at a poll is a revision."""
    words = {(number, text) for number, texts in archived.items() for text in texts}
    known = {post.numbers: post for post in watched.posts()}
    lost = [
        (number, text)
        for number, text in watched.polled
        if not any((other, text) in words for numbers in known if number in numbers for other in numbers)
    ]
    assert lost == [], "wordings that a poll has seen are in no revision"


def complete(story: Story, rig: Rig, source: str | None = None) -> None:
    """Nothing is missing, nothing is there twice, nothing was told twice; of one source or of all."""
    for watched in story.watched.values():
        if source not in (None, watched.source):
            continue
        archived, quarantined, deleted = revisions(watched, rig), aside(watched, rig), gone(watched, rig)
        assert archived.keys() <= watched.said.keys(), "posts that nobody ever wrote"
        assert gaps(watched, rig) == [] or watched.lost
        unsaid(watched, archived)
        for post in watched.posts():
            live = post.numbers & (archived.keys() - deleted)
            assert len(live) <= 1, f"one post is archived as several: {sorted(live)}"
            if post.standing and not watched.lost:
                assert kept(post, archived, quarantined), f"missing: {post}"
            for number in post.numbers & archived.keys():
                true_to_life(post, archived[number])
        for post in watched.newest_page():
            if not (watched.lost or post.withheld or 1 in post.numbers):
                newest = [archived[number][-1] for number in post.numbers & (archived.keys() - deleted)]
                assert newest == [post.text], "the newest page says something else"
        told(watched, rig)
    assert story.lossy or story.world.faults.broken_waits == []


def true_to_life(post: Post, revisions: Sequence[str]) -> None:
    """What is archived was said, in that order; views and reactions make no revision."""
    if len(post.parts) > 1:
        wordings = {text for one in post.parts for text in one.texts} | {""}
        assert {line for text in revisions for line in text.split("\n")} <= wordings
        return
    left = iter(post.parts[0].texts)
    assert all(text in left for text in revisions), f"{revisions} is not how it was worded: {post.parts[0].texts}"


def told(watched: Watched, rig: Rig) -> None:
    """Alerts: one for each post that says what was asked for, none for what stood there before."""
    rows = rig.ask(
        "SELECT p.number, count(*) FROM matches m JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id "
        "WHERE s.name = :name AND m.kind = 'match' AND m.alerting = 1 GROUP BY p.number",
        name=watched.source,
    )
    counts = dict(rows)
    for post in watched.posts():
        alerts = sum(counts.pop(number, 0) for number in post.numbers)
        assert alerts <= post.may_alert(), f"{alerts} alerts of {post}"
        if post.must_alert() and not watched.lost:
            assert alerts == 1, f"no alert of {post}"
    assert counts == {}


def owed(story: Story) -> int:
    """How many alerts there must be in the end."""
    return sum(post.must_alert() for watched in story.watched.values() if not watched.lost for post in watched.posts())


def exact(story: Story, rig: Rig, touched: Iterable[int] | None = None) -> None:
    """The newest wording of every post, and gone is what is gone and nothing else; of all, or of some that we push."""
    numbers = set(touched or ())
    for watched in story.watched.values():
        if watched.lost or (touched is not None and watched.source != "post"):
            continue
        archived, deleted = revisions(watched, rig), gone(watched, rig)
        for post in watched.posts():
            here = post.numbers & archived.keys()
            if touched is not None and not post.numbers & numbers:
                continue
            if not post.standing:
                assert here <= deleted, f"nobody noticed that it was deleted: {post}"
            elif not post.withheld:
                [live] = here - deleted or [0]
                assert live, f"it stands and counts as deleted: {post}"
                assert 1 in post.numbers or archived[live][-1] == post.text, f"the newest wording is missing: {post}"
        if touched is None:
            files(watched, rig)
            origins(watched, rig)


def looked_for(watched: Watched, rig: Rig) -> None:
    """Something was looked for in vain, twice: no proof, and nobody takes it for one."""
    absences = rig.ask(
        "SELECT o.post_id FROM observations o JOIN posts p ON p.id = o.post_id JOIN sources s ON s.id = p.source_id "
        "WHERE s.name = :name AND o.presence = 'absent' AND p.deleted_at IS NULL GROUP BY o.post_id HAVING count(*) > 1",
        name=watched.source,
    )
    assert absences


def files(watched: Watched, rig: Rig) -> None:
    """The bytes of every file that stands there, whole."""
    rows = rig.ask(
        "SELECT m.url, m.sha256, m.state, m.reason FROM media m JOIN posts p ON p.id = m.post_id "
        "JOIN sources s ON s.id = p.source_id WHERE s.name = :name",
        name=watched.source,
    )
    for one in watched.said.values():
        if one.standing and one.data is not None and not one.withheld:
            of_it = [row for row in rows if row[0] == f"telegram:{watched.channel}/{one.number}"]
            whole = [row for row in of_it if row[1:3] == (sha256(one.data).hexdigest(), "stored")]
            assert whole, f"the file of a post that stands there was not brought whole: {one}, {of_it}"


def origins(watched: Watched, rig: Rig) -> None:
    """Where a post comes from, and which one it answers."""
    rows = rig.ask(
        "SELECT p.number, p.reply_to, p.forward FROM posts p JOIN sources s ON s.id = p.source_id WHERE s.name = :name",
        name=watched.source,
    )
    for number, reply_to, forward in rows:
        said = watched.said[number]
        assert reply_to == (None if said.reply_to is None else str(said.reply_to))
        origin = json.loads(forward) if forward else {}
        assert origin.get("post") == (None if said.forward is None else str(said.forward))
        assert origin.get("source") in (None, "far_office")


def wanted(story: Story) -> dict[str, set[str]]:
    """By source, the ids that must be there: of an album, the first that still stands or any before it."""
    return {
        name: {str(min(one.number for one in post.standing)) for post in watched.posts() if post.standing}
        for name, watched in story.watched.items()
        if not watched.lost
    }
