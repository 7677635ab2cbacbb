"""What every kind must do that reads the posts of an account from the newest down: first contact, the way down, absences."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from bot.contracts.source import Want
from tests.sources.peers_by_kind import SPEAKERS, Speaker
from tests.sources.rounds import Rounds, on_server

T = TypeVar("T")
EVERY_KIND = pytest.mark.parametrize("kind", SPEAKERS)
WITH_PAGES = pytest.mark.parametrize("kind", [kind for kind, make in SPEAKERS.items() if make().pages])


def on(speaker: Speaker, work: Callable[[Rounds], Awaitable[T]], **keys: Any) -> T:
    """What `work` gives with rounds on this speaker's place."""
    return on_server(speaker.reply, lambda peer: {**speaker.keys(peer), **keys}, work)


def speaking(kind: str, notices: int) -> tuple[Speaker, list[str]]:
    """A speaker who has said so many things, and their ids."""
    speaker = SPEAKERS[kind]()
    return speaker, [speaker.say(f"Notice {number}") for number in range(notices)]


@WITH_PAGES
@pytest.mark.parametrize("backfill", [0, 1, 3, 6, 7, 9, 10, 50])
def test_first_contact_goes_down_to_as_many_posts_as_are_wanted(kind: str, backfill: int) -> None:
    speaker, ids = speaking(kind, 10)
    found = on(speaker, lambda rounds: rounds.round(), backfill=backfill)
    assert sorted(post.native_id for post in found) == sorted(ids[len(ids) - min(backfill, 10) :])


@WITH_PAGES
@pytest.mark.parametrize("backfill", [0, 3, 6, "all", "2026-11-22"])
def test_what_was_not_wanted_at_first_contact_is_not_news_when_newer_posts_are_deleted(
    kind: str, backfill: object
) -> None:
    speaker, ids = speaking(kind, 9)

    async def work(rounds: Rounds) -> tuple[set[str], set[str]]:
        first = {post.native_id for post in await rounds.round()}
        for native_id in ids[5:]:
            speaker.take_back(native_id)
        return first, {post.native_id for post in await rounds.round()}

    first, second = on(speaker, work, backfill=backfill)
    assert second <= first


@WITH_PAGES
def test_a_long_absence_is_fetched_whole_and_an_interrupted_way_down_is_continued(kind: str) -> None:
    speaker, ids = speaking(kind, 1)

    async def work(rounds: Rounds) -> set[str]:
        await rounds.round()
        ids.extend(speaker.say(f"Notice {number}") for number in range(1, 20))
        first = await rounds.source.fetch(Want(), rounds.cursor)
        assert first.more
        rounds.cursor = first.cursor
        ids.extend(speaker.say(f"Notice {number}") for number in range(20, 25))  # while the way down is under way
        return {post.native_id for post in [*first.posts, *await rounds.round(), *await rounds.round()]}

    assert on(speaker, work) == set(ids)


@EVERY_KIND
def test_an_absence_has_a_living_post_beside_it(kind: str) -> None:
    speaker, (gone, left) = speaking(kind, 2)

    async def work(rounds: Rounds) -> list[tuple[str, bool, bool]]:
        await rounds.round()
        speaker.take_back(gone)
        found = [await rounds.source.check(gone), await rounds.source.check(left)]
        return [(one.presence, one.control, one.post is not None) for one in found]

    assert on(speaker, work) == [("absent", True, False), ("present", True, True)]


@EVERY_KIND
def test_an_absence_counts_for_nothing_where_no_other_post_is_seen(kind: str) -> None:
    speaker, (only,) = speaking(kind, 1)

    async def work(rounds: Rounds) -> tuple[str, bool]:
        await rounds.round()
        speaker.take_back(only)
        found = await rounds.source.check(only)
        return found.presence, found.control

    assert on(speaker, work) == ("absent", False)


@EVERY_KIND
def test_a_cursor_of_another_account_means_a_first_visit(kind: str) -> None:
    speaker, ids = speaking(kind, 4)

    async def work(rounds: Rounds) -> set[str]:
        await rounds.round()
        for mark in ("account", "actor", "asked"):
            rounds.cursor = (rounds.cursor or "").replace(f'"{mark}":"', f'"{mark}":"x')
        return {post.native_id for post in await rounds.round()}

    assert on(speaker, work) == set(ids)
