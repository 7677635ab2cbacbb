"""YouTube: a feed of fifteen videos, pages as the second way, what a page says of a video that is gone."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from bot.errors import Later, Never
from bot.sources.youtube.source import VideoChannel
from storage.posts.content import content_hash, same_content
from storage.records import FetchedPost
from tests.sources.loopback_server import Answer
from tests.sources.rounds import Rounds, on_server
from tests.sources.youtube_server import CHANNEL, YouTubeServer

T = TypeVar("T")


def on(server: YouTubeServer, work: Callable[[Rounds], Awaitable[T]], path: str = "/@ferry_office", **keys: Any) -> T:
    """What `work` gives with rounds on this server."""
    return on_server(server.reply, lambda peer: {"kind": "youtube", "channel": peer.url(path)} | keys, work)


def town(*titles: str) -> YouTubeServer:
    server = YouTubeServer()
    for title in titles:
        server.publish(title, f"About: {title}")
    return server


def titles(posts: list[FetchedPost]) -> list[str]:
    return [post.title or "" for post in posts]


@pytest.mark.parametrize(
    ("written", "site", "path"),
    [
        ("@ferry.office", "https://www.youtube.com", "/@ferry.office"),
        (CHANNEL, "https://www.youtube.com", f"/channel/{CHANNEL}"),
        ("https://www.youtube.com/@ferry/videos", "https://www.youtube.com", "/@ferry"),
        ("youtube.com/c/Ferry", "https://www.youtube.com", "/c/Ferry"),
        ("https://m.youtube.com/user/ferry", "https://www.youtube.com", "/user/ferry"),
        (
            f"https://www.youtube.com/feeds/videos.xml?channel_id={CHANNEL}",
            "https://www.youtube.com",
            f"/channel/{CHANNEL}",
        ),
        ("http://127.0.0.1:3000/@ferry", "http://127.0.0.1:3000", "/@ferry"),
    ],
)
def test_every_form_of_a_channel_is_understood(written: str, site: str, path: str) -> None:
    found = VideoChannel.read(written)
    assert (found.site, found.path) == (site, path)


@pytest.mark.parametrize(
    "written", ["ferry", "https://youtu.be/vid-0000001", "UCshort", "https://www.youtube.com/", ""]
)
def test_what_is_no_channel_is_refused_with_the_right_form(written: str) -> None:
    with pytest.raises(ValueError, match="expected a channel such as"):
        VideoChannel.read(written)


def test_a_video_is_its_title_and_its_description_and_stays_a_link() -> None:
    server = YouTubeServer()
    server.publish("The bridge <is> closed", "Until noon.\n\nသတိပြုပါ")
    [post] = on(server, lambda reader: reader.round())
    assert (post.title, post.text) == ("The bridge <is> closed", "Until noon.\n\nသတိပြုပါ")
    assert post.posted_at == server.videos[0]["at"]
    assert (post.author, post.media[0].kind) == ("Ferry Office", "video")
    assert post.media[0].reason == "a video: it stays a link"


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"short": True}, "a short"),
        ({"state": "isLive"}, "a live stream"),
        ({"state": "isUpcoming"}, "a premiere or a stream that has not begun"),
        ({"state": "isLiveContent"}, "the recording of a live stream"),
        ({}, "a video"),
    ],
)
def test_what_a_new_video_is_is_said(more: dict[str, Any], what: str) -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> str:
        await reader.round()
        server.publish("Notice 1", **more)
        return (await reader.round())[-1].media[0].reason or ""

    assert on(server, work).startswith(f"{what}:")


def test_what_a_video_is_outlasts_an_edit_and_follows_its_page() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> tuple[list[str], int]:
        await reader.round()
        video = server.publish("Notice 1", state="isLive")
        said = []
        for edit in ({}, {}, {"description": "Now in the evening."}, {"state": "isLiveContent", "title": "Notice 1b"}):
            server.edit(video, **edit)
            said.append(((await reader.round())[-1].media[0].reason or "").partition(":")[0])
        return said, sum("/watch" in path for path in server.asked)

    live = "a live stream"
    assert on(server, work) == ([live, live, live, "the recording of a live stream"], 3)


def test_views_and_the_time_of_the_feed_are_no_edit_and_other_words_are() -> None:
    server = town("The bridge is open")

    async def work(reader: Rounds) -> list[str]:
        hashes = [content_hash(post) for post in [*await reader.round(), *await reader.round()]]
        server.edit(server.videos[0]["id"], title="The bridge is closed")
        return [*hashes, *(content_hash(post) for post in await reader.round())]

    first, again, edited = on(server, work)
    assert same_content(first, again)
    assert not same_content(first, edited)


def test_a_feed_that_fails_is_replaced_by_the_pages_with_the_same_words() -> None:
    server = town("Notice 0", "Notice 1")

    async def work(reader: Rounds) -> tuple[list[str], str | None, list[str], list[FetchedPost]]:
        await reader.round()
        server.publish("Notice 2", "More of it")
        server.answers["/feeds/"] = Answer(b"", 404)
        by_pages = await reader.round()
        method = reader.last.method
        again = titles(await reader.round())
        del server.answers["/feeds/"]
        return titles(by_pages), method, again, [*by_pages, (await reader.round())[-1]]

    by_pages, method, again, (page, feed) = on(server, work)
    assert (by_pages, method, again) == (["Notice 2"], "pages of the channel", [])
    assert same_content(content_hash(page), content_hash(feed))
    assert page.posted_at == feed.posted_at


@pytest.mark.parametrize("status", [404, 500])
def test_a_channel_whose_feed_and_page_fail_is_tried_later_and_never_gone(status: int) -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> None:
        await reader.round()
        server.answers["/feeds/"] = server.answers["/channel/"] = Answer(b"", status)
        await reader.round()

    with pytest.raises(Later):
        on(server, work)


def test_more_new_videos_than_the_feed_has_are_taken_from_the_page() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> tuple[list[str], bool]:
        await reader.round()
        for number in range(1, 21):
            server.publish(f"Notice {number}")
        return titles(await reader.round()), reader.last.overlap

    found, overlap = on(server, work)
    assert found == [f"Notice {number}" for number in range(1, 21)]
    assert overlap


def test_an_absence_that_nothing_reaches_back_over_is_a_gap() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> bool:
        await reader.round()
        for number in range(1, 60):
            server.publish(f"Notice {number}")
        await reader.round()
        return reader.last.overlap

    assert on(server, work) is False


def test_a_removed_video_is_absent_beside_a_living_one_and_a_wall_is_no_absence() -> None:
    server = town("Notice 0", "Notice 1")
    gone, left = (one["id"] for one in server.videos)

    async def work(reader: Rounds) -> list[tuple[str, bool]]:
        await reader.round()
        server.remove(gone)
        found = [await reader.source.check(gone), await reader.source.check(left)]
        server.gone[gone] = "Sign in to confirm you’re not a bot"
        with pytest.raises(Later, match="neither the video nor why not"):
            await reader.source.check(gone)
        return [(one.presence, one.control) for one in found]

    assert on(server, work) == [("absent", True), ("present", True)]


def test_a_handle_that_is_no_channel_needs_a_person() -> None:
    with pytest.raises(Never, match="is no channel"):
        on(town("Notice 0"), lambda reader: reader.round(), path="/@other")


def test_a_page_that_is_no_feed_is_never_nothing_new() -> None:
    server = town("Notice 0")
    server.answers["/feeds/"] = Answer(b"<html><title>Before you continue</title></html>", 200)
    server.answers["/channel/"] = Answer(b"<html><title>Before you continue</title></html>", 200)
    with pytest.raises(Later, match="consent page"):
        on(server, lambda reader: reader.round())


def test_a_channel_that_was_empty_and_shows_a_full_feed_may_have_shown_more() -> None:
    server = YouTubeServer()

    async def work(reader: Rounds) -> tuple[list[str], bool]:
        await reader.round()
        for number in range(40):
            server.publish(f"Film {number}")
        return titles(await reader.round()), reader.last.overlap

    found, overlap = on(server, work, f"/channel/{CHANNEL}")
    assert found[-1] == "Film 39"
    assert not overlap, "forty came, and nobody saw them all"


def test_what_the_feed_shows_at_first_contact_is_no_news_where_the_pages_stood_in_for_it() -> None:
    server = town(*(f"Film {number}" for number in range(20)))
    server.answers["feeds"] = Answer(b"", 500)

    async def work(reader: Rounds) -> tuple[list[str], list[str]]:
        first = titles(await reader.round())
        server.answers.clear()
        return first, titles(await reader.round())

    first, second = on(server, work)
    assert first == [f"Film {number}" for number in range(5, 20)]
    assert {*second} <= {*first}
