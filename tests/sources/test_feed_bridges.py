"""Feeds of RSSHub and RSS-Bridge: their errors are no posts, an old answer is no news, and an account's own words stay."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.clock import DAY, HOUR, Clock
from bot.contracts.source import Want
from bot.errors import Later
from bot.sources.feed.settings import Settings
from bot.sources.feed.source import Feed
from storage.records import Batch
from tests.sources.loopback_server import NOW, Answer, Peer, surrounded
from tests.sources.test_feed import GOLDEN, ids, item, rss

ERROR = (GOLDEN / "rssbridge_error.xml").read_bytes()
ASK = "/?action=display&bridge=TelegramBridge&username=old_ferry_town&format=Atom"
REPORT = "the bridge reports: Bridge returned error 0! The channel cannot be found at https://t.me/s/old_ferry_town?token=***"


class Desk:
    """One source whose clock can be moved; each round has the cursor of the last one that went well."""

    def __init__(self, path: str = ASK) -> None:
        self.path = path
        self.now = NOW
        self.cursor: str | None = None

    def rounds(self, *answers: Answer | bytes | int) -> list[Batch | str]:
        """What came of each answer: a batch, or why not. A number moves the clock by microseconds before the next."""
        return asyncio.run(self._rounds(answers))

    async def _rounds(self, answers: Sequence[Answer | bytes | int]) -> list[Batch | str]:
        found: list[Batch | str] = []
        async with Peer() as peer, surrounded(Path(), peer.port, clock=Clock(now=lambda: self.now)) as tools:
            feed = Feed(Settings(name="f", kind="feed", url=peer.url(self.path)), tools)
            for answer in answers:
                if isinstance(answer, int):
                    self.now += answer
                    continue
                peer.answer = answer if isinstance(answer, Answer) else Answer(answer)
                try:
                    batch = await feed.fetch(Want(), self.cursor)
                except Later as later:
                    found.append(later.reason)
                else:
                    self.cursor = batch.cursor
                    found.append(batch)
        return found


def error_item(link: str, title: str = "Bridge returned error 403! (20779)") -> str:
    return (
        f"<item><title>{title}</title><link>{link}</link><guid>b_20779</guid><description>Denied</description></item>"
    )


def test_an_error_of_rss_bridge_is_a_failure_in_its_own_words_and_no_post() -> None:
    good = (GOLDEN / "rssbridge_telegram.xml").read_bytes()
    first, failed, healed = Desk().rounds(good, ERROR, good)
    assert isinstance(first, Batch)
    assert isinstance(healed, Batch)
    assert ids(first) == ["https://t.me/old_ferry_town/411", "https://t.me/old_ferry_town/412"]
    assert failed == REPORT
    assert healed == Batch(cursor=healed.cursor)  # the same document: nothing is new, and nothing was forgotten


def test_the_error_is_recognised_in_every_format_of_rss_bridge() -> None:
    of_json = {
        "version": "https://jsonfeed.org/version/1",
        "items": [
            {
                "id": "0f" * 20,
                "title": "Bridge returned error 503! (20779)",
                "url": f"https://bridge.example{ASK}",
                "content_html": "<div><strong>Message:</strong> https://x.com/a resulted in 503</div>",
            }
        ],
    }
    link = f"https://bridge.example{ASK}".replace("&", "&amp;")
    assert Desk().rounds(json.dumps(of_json).encode(), rss(error_item(link)), rss(error_item(""))) == [
        "the bridge reports: Bridge returned error 503! https://x.com/a resulted in 503",
        "the bridge reports: Bridge returned error 403! Denied",
        "the bridge reports: Bridge returned error 403! Denied",
    ]


def test_what_is_secret_in_the_address_of_the_feed_is_not_in_what_the_bridge_reports() -> None:
    document = rss(error_item("").replace("Denied", "Message: the reader town-1234 is refused"))
    (found,) = Desk(f"{ASK}&token=town-1234").rounds(document)
    assert found == "the bridge reports: Bridge returned error 403! the reader *** is refused"


def test_a_post_that_quotes_an_error_of_a_bridge_stays_a_post() -> None:
    (found,) = Desk().rounds(
        rss(
            error_item("https://x.example/harbour/status/1"),
            item("2", "Bridge returned error 403! (20779)"),
            "<item><title>RSS-Bridge: a new release</title><link>https://news.example/3</link></item>",
        )
    )
    assert isinstance(found, Batch)
    assert ids(found) == ["https://news.example/3", "2", "b_20779"]
    assert found.notices == ()


def test_posts_beside_an_error_are_kept_and_the_error_is_reported_once() -> None:
    broken = "<item><title>RSS-Bridge: https://b.example resulted in `500`</title><guid>9f</guid></item>"
    first, second, third = Desk("/?bridge=FeedMerge").rounds(
        rss(broken, item("1")), rss(broken, item("2"), item("1")), rss(item("3"), item("2"), item("1"))
    )
    assert isinstance(first, Batch)
    assert isinstance(second, Batch)
    assert isinstance(third, Batch)
    assert [ids(batch) for batch in (first, second, third)] == [["1"], ["1", "2"], ["1", "2", "3"]]
    assert first.detail == "the bridge reports: https://b.example resulted in `500`"
    assert first.notices == (first.detail,)
    assert (second.detail, second.notices) == (first.detail, ())
    assert third.detail is None


def test_a_bridge_that_lists_nothing_any_more_may_hide_an_error() -> None:
    first, emptied = Desk().rounds(rss(item("1"), item("2")), rss())
    assert isinstance(first, Batch)
    assert emptied == "the bridge lists no entries and had 2: it may hide an error ([error] output is none)"
    plain = Desk("/feed").rounds(rss(item("1")), rss())
    assert all(isinstance(each, Batch) for each in plain)


OLD = "the bridge gives an old answer: a new one was due before 2026-11-22 16:42 UTC"


def test_an_answer_that_rsshub_should_have_made_again_long_ago_is_a_failure() -> None:
    document = (GOLDEN / "rsshub_telegram.xml").read_bytes()
    frozen = Answer(document, headers={"ETag": '"frozen"'})  # whoever keeps it says that it has not changed
    again = document.replace(b"22 Nov 2026 10:27:31", b"22 Nov 2026 17:29:00")
    first, in_time, *late, healed = Desk("/telegram/channel/old_ferry_town").rounds(
        frozen, 6 * HOUR, frozen, HOUR, frozen, frozen, again
    )
    assert isinstance(first, Batch)
    assert (len(first.posts), first.detail) == (2, None)
    assert isinstance(in_time, Batch)
    assert in_time.detail is None
    assert late == [OLD, OLD]
    assert isinstance(healed, Batch)
    assert healed.detail is None


def test_the_posts_of_an_old_answer_are_kept_at_the_first_contact() -> None:
    document = (GOLDEN / "rsshub_telegram.xml").read_bytes()
    first, second = Desk("/telegram/channel/old_ferry_town").rounds(7 * HOUR, document, document)
    assert isinstance(first, Batch)
    assert (len(first.posts), first.detail, first.notices) == (2, OLD, (OLD,))
    assert second == OLD


@pytest.mark.parametrize(
    "change",
    [
        (b"<generator>RSSHub<", b"<generator>Town press<"),  # whose date may be that of its newest post
        (b"<ttl>5</ttl>", b"<ttl>1</ttl>"),  # RSSHub without a cache
        (b"<ttl>5</ttl>", b""),
        (b"22 Nov 2026 10:27:31 GMT", b"yesterday"),
    ],
)
def test_where_it_cannot_be_known_no_answer_is_called_old(change: tuple[bytes, bytes]) -> None:
    document = (GOLDEN / "rsshub_telegram.xml").read_bytes().replace(*change)
    found = Desk("/feed").rounds(90 * DAY, document, document)
    assert [isinstance(batch, Batch) and batch.detail for batch in found] == [None, None]


def test_the_error_page_of_rsshub_is_a_failure() -> None:
    page = b"<html><head><title>Welcome to RSSHub!</title></head><body>Error Message: FetchError</body></html>"
    unavailable, masked = Desk("/x").rounds(Answer(page, status=503), page)
    assert "503" in str(unavailable)
    assert masked == 'the address answers with a web page ("Welcome to RSSHub!"), not with a feed'
