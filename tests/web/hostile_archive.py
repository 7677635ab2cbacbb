"""An archive in which strangers chose every word, or its twin, in which the same words can do no harm.

Whatever is foreign in an archive is hostile here: posts with all their parts, names, files, what engines read, what
servers answered, what people wrote as reasons. The twin differs in nothing but the signs that a page could act on, so
that its pages have the same skeleton.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import quote

from storage.alerts import digests, holding, mutes, notices, target_states
from storage.answers import acks, verdicts
from storage.archive.columns import storable
from storage.archive.database import Archive
from storage.events import members
from storage.media import rows as media_rows
from storage.migrations import migrate
from storage.posts import quarantine, texts
from storage.records import (
    ClosedGap,
    FetchedMedia,
    FetchedPost,
    Forward,
    GivenText,
    LedgerChange,
    Link,
    NewGap,
    Poll,
    Preview,
    Quarantined,
    Raw,
    Segment,
)
from storage.sources import gaps, states
from tests.web.archive import BEGIN, HOUR, MINUTE, SECOND, Day, Seeded, png, read_config
from tests.web.hostile import NAMES, WORDS, harmless

Spelling = Callable[[str], str]
_SOURCE = 'name = {name}\nkind = "replay"\npath = "posts.jsonl"\ntags = [{tag}]\nside = {side}\n'
_RULE = "name = {name}\nquery = {query}\nsources = [{name}]\ndescription = {words}\ntargets = [{target}]\n"


def seed_hostile(directory: Path, *, twin: bool = False) -> Seeded:
    """Make the archive, or its twin, in a directory; post `n` holds the n-th handful of words, and so does the twin's."""
    spell = harmless if twin else str
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.toml").write_text(_config(spell), encoding="utf-8")
    config = read_config(directory)
    made = Seeded(directory, config)
    config.data_dir.mkdir(mode=0o700, exist_ok=True)
    with Archive(config.data_dir / "communique.db") as archive:
        migrate.ensure(archive, now=BEGIN)
        day = Day(archive, config, made)
        with archive.writing() as writer:
            states.declare(
                writer,
                [states.Declared(one.name, one.kind, one.tags, one.side) for one in config.sources],
                day.now,
            )
            day.rules.declare(writer, day.now)
        _sources(day, spell)
        for number, handful in enumerate(handfuls()):
            _post(day, number, [spell(word) for word in handful])
        _deliveries(day, spell)
    return replace(made, now=day.now)


def handfuls() -> Iterator[Sequence[str]]:
    """The words, a few at a time: each post bears those of one handful in each of its parts."""
    return (WORDS[start : start + 10] for start in range(0, len(WORDS), 10))


def _config(spell: Spelling) -> str:
    """A config in which names and descriptions are hostile, as far as a config takes them."""
    lines = ['[storage]\ndir = "data"\n']
    words = cycle(WORDS)
    for place, name in enumerate(NAMES):
        said = [_toml(spell(one)) for one in (name, f"{name}{place}", next(words))]
        queries = _toml('marker OR "' + spell(name).replace("\\", "") + ' end"')
        lines += ["[[targets]]", f'name = {said[0]}\nkind = "console"\n']
        lines += ["[[sources]]", _SOURCE.format(name=said[0], tag=said[1], side=said[2])]
        lines += ["[[rules]]", _RULE.format(name=said[0], query=queries, words=said[2], target=said[0])]
    return "\n".join(lines)


def _toml(text: str) -> str:
    return json.dumps(
        "".join(one for one in text if one.isprintable() or one in "\u202e\ufeff\u200b"), ensure_ascii=False
    )


def _sources(day: Day, spell: Spelling) -> None:
    words = cycle(storable(spell(one)) for one in WORDS)  # what is of our own making has been made fit before
    for one in day.config.sources:
        day.store(one.name, change=LedgerChange(first_contact=True), title=next(words), handle=next(words))
        day.now += MINUTE
        day.store(
            one.name,
            title=next(words),
            handle=next(words),
            channel_id=next(words),
            picture=next(words),
            moved_to=next(words),
            notices=(next(words),),
            cursor=next(words),
        )
        with day.archive.writing() as writer:
            row = states.find_source(writer, one.name)
            assert row is not None
            for outcome in ("ok", "failing", "renamed"):
                states.settle(
                    writer, row.id, outcome=outcome, detail=None if outcome == "ok" else next(words), now=day.now,
                    next_poll_at=day.now + MINUTE, hold_until=None, failures=1, posts=0,
                )  # fmt: skip
                day.now += MINUTE
            gaps.apply_change(
                writer, row.id, LedgerChange(opened=(NewGap("missed", 1, 2), NewGap("missed", 5, 6))), day.now
            )
            first, _ = gaps.list_open_gaps(writer, row.id)
            gaps.apply_change(writer, row.id, LedgerChange(closed=(ClosedGap(first.id, next(words)),)), day.now)
            piece = Quarantined(Raw(next(words).encode(errors="replace"), "text/html"), next(words), next(words))
            quarantine.save_pieces(writer, row.id, [piece], day.now)
            notices.add(writer, day.now, f"source {one.name}", next(words))


def _post(day: Day, number: int, words: Sequence[str]) -> None:
    """One post with these words in each of its parts, an edit of it, and what engines made of its file."""
    source = day.config.sources[number % len(day.config.sources)].name
    long, line = "\n".join((*words, "marker")), " ".join(words)
    ring = cycle(words)
    several = tuple(islice(ring, 3))
    engines = cycle(storable(word) for word in words)
    named = FetchedMedia(
        "photo", f"{number}", f"https://files.example/{number}", next(ring), line, 900, identity=next(ring)
    )
    lost = FetchedMedia("document", f"lost {number}", None, next(ring), next(ring), reason=line)
    post = FetchedPost(
        native_id=f"{number} {words[0]}"[:200],
        raw=Raw(long.encode(errors="replace"), "text/html"),
        text=long,
        title=line,
        posted_at=None if number % 5 == 0 else day.now - 30 * SECOND,
        posted_raw=next(ring),
        url=next(ring) if number % 2 else f"https://evil.example/{quote(next(engines), safe='')}",
        author=line,
        forward=Forward(line, next(ring), next(ring), next(ring)),
        reply_to=next(ring),
        group=next(ring),
        links=tuple(Link(one, one) for one in words),
        media=(named, lost),
        poll=Poll(line, several),
        preview=Preview(next(ring), next(ring), next(ring), line),
        views=next(ring),
        attached=several,
        buttons=tuple(Link(one, one) for one in words),
        cards=several,
        not_shown=next(ring),
        quoted=line,
        remarks=several,
        texts=(GivenText("transcript", f"{line} marker", next(ring), next(ring), None, 0.5),),
    )
    [post_id] = day.store(source, post)
    day.made.posts[f"post {number}"] = post_id
    day.now += MINUTE
    if number % 4 == 0:
        day.store(source, replace(post, text=f"{long} again\n{line}", edited=True, edited_at=day.now))
    content = png(8, 8, shade=number % 250) if number % 3 else line.encode(errors="replace")
    media = day.keep(post_id, f"file {number}", content)
    parts = (Segment(0.0, 1.0, 0, len(line)),)
    day.read(
        post_id,
        media,
        texts.MachineText("ocr", f"{line} marker", None, 0.5, next(engines), next(engines), segments=parts),
    )
    day.read(post_id, None, texts.MachineText("translation", f"{line} marker", "en", 0.5, next(engines), next(engines)))
    day.now += MINUTE


def _deliveries(day: Day, spell: Spelling) -> None:
    words = cycle(storable(spell(one)) for one in WORDS)  # what is of our own making has been made fit before
    for target in day.config.targets:
        for state in ("sent", "dead", "pending"):
            if not day.due(target.name):
                break
            day.answer(
                target.name, state, f"{state} at {target.name}", reason=next(words), receipt=next(words),
                not_before=day.now + HOUR,
            )  # fmt: skip
    with day.archive.writing() as writer:
        for target in day.config.targets:
            target_states.mark_target(writer, target.name, "failing", next(words), day.now)
            held = holding.list_waiting(writer, target.name, 4, day.now)
            digests.make(writer, target.name, "quiet", (BEGIN, day.now), held[:3], day.now)
            mutes.add(
                writer,
                mutes.Mute(
                    target.name, target.name, next(words), next(words), target.name,
                    day.now, day.now + HOUR, next(words), next(words),
                ),
            )  # fmt: skip
        for alert in dict.fromkeys(day.made.alerts.values()):
            acks.acknowledge(writer, alert, next(words), day.now)
            verdicts.judge_alert(writer, alert, next(words), "noise", day.now)
            verdicts.judge_alert(writer, alert, next(words), "useful", day.now)
        first, second, *_ = day.made.posts.values()
        members.correct(writer, "join", second, first, next(words), day.now)
        media = writer.column("SELECT id FROM media WHERE state = 'pending' LIMIT 3")
        for one in media:
            media_rows.mark_given_up(writer, one, "gone", next(words), day.now)
    day.decide()
