"""Sites without a feed: lists and the pages of their items, one page that changes, and what is not the page."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from bot import sources
from bot.errors import Later, Never
from bot.foreign.addresses import without_marks
from bot.foreign.walls import find_wall
from bot.sources.website.reading import PageRequest, read_page
from bot.sources.website.robots import Robots
from bot.sources.website.visit import reaches_back
from storage.records import FetchedPost
from tests.sources.loopback_server import Answer
from tests.sources.rounds import Rounds, on_server
from tests.sources.town_site import HTML, TownSite

T = TypeVar("T")


def on(site: TownSite, work: Callable[[Rounds], Awaitable[T]], path: str = "/statements", **keys: Any) -> T:
    """What `work` gives with rounds on this site; bodies by a selector, so that no extractor is needed."""
    return on_server(site.reply, lambda peer: {"kind": "website", "url": peer.url(path), "body": ".body", **keys}, work)


def town(*titles: str) -> TownSite:
    site = TownSite()
    for title in titles:
        site.publish(title)
    return site


def titles(posts: list[FetchedPost]) -> list[str]:
    return [post.title or "" for post in posts]


NOTICES = [f"Notice number {number} of the ferry office" for number in range(9)]


def test_a_list_is_found_by_itself_and_each_item_is_a_post_with_its_own_time() -> None:
    found = on(town(*NOTICES[:4]), lambda reader: reader.round())
    assert titles(found) == NOTICES[:4]
    assert found[0].text.startswith("The office explains this")
    assert found[0].native_id.endswith("/statements/1")
    assert found[0].posted_raw == "2026-11-01T08:00:00Z"


def test_selectors_say_what_an_item_is_where_nothing_repeats() -> None:
    keys = {"item": "li.row", "link": "h2 a", "title": "h2", "time": ".date time"}
    assert titles(on(town(NOTICES[0]), lambda reader: reader.round(), **keys)) == [NOTICES[0]]


def test_only_new_items_are_fetched_and_an_unchanged_list_brings_nothing() -> None:
    site = town(*NOTICES[:4])

    async def work(reader: Rounds) -> tuple[list[str], list[str], list[str]]:
        await reader.round()
        again = titles(await reader.round())
        site.publish(NOTICES[4])
        site.asked.clear()
        return again, titles(await reader.round()), site.asked

    again, fresh, asked = on(site, work)
    assert (again, fresh) == ([], [NOTICES[4]])
    assert asked == ["/statements", "/statements/5?utm_source=list"]


def test_the_address_that_is_shown_has_no_marks_of_a_campaign_and_keeps_what_names_the_page() -> None:
    site = town(*NOTICES[:3])
    posts = on(site, lambda reader: reader.round())
    assert {str(post.url).rpartition("/")[2] for post in posts} == {"1", "2", "3"}
    base = "https://town.example/news"
    for shown, written in {
        f"{base}?id=7&page=2#top": f"{base}?utm_source=list&id=7&utm_medium=x&page=2&fbclid=abc#top",
        f"{base}#top": f"{base}?utm_campaign=now#top",
        f"{base}?utm=1&id=7": f"{base}?utm=1&id=7",
        base: base,
    }.items():
        assert without_marks(written) == shown


def test_backfill_takes_the_newest_and_the_others_are_no_news_later() -> None:
    site = town(*NOTICES[:6])

    async def work(reader: Rounds) -> tuple[list[str], list[str]]:
        return titles(await reader.round()), titles(await reader.round())

    assert on(site, work, backfill=2) == (NOTICES[4:6], [])


def test_many_new_items_come_in_several_replies() -> None:
    site = town(*(f"Notice number {number} of the ferry office" for number in range(12)))
    assert len(on(site, lambda reader: reader.round(), backfill="all")) == 12


def test_a_list_that_no_longer_reaches_back_opens_a_gap() -> None:
    site = town(*NOTICES[:4])
    site.shown = 3

    async def work(reader: Rounds) -> bool:
        await reader.round()
        for number in range(20, 26):
            site.publish(f"Notice number {number} of the ferry office")
        site.asked.clear()
        await reader.round()
        return reader.last.overlap

    assert on(site, work) is False


def test_a_pinned_item_does_not_hide_that_a_list_no_longer_reaches_back() -> None:
    site = town("Pinned: when the ferry office is open", *NOTICES[:4])
    site.shown, site.pinned = 3, "/statements/1"

    async def work(reader: Rounds) -> tuple[bool, bool]:
        await reader.round()
        site.publish("Notice number 20 of the ferry office")
        await reader.round()
        reached = reader.last.overlap
        for number in range(21, 26):
            site.publish(f"Notice number {number} of the ferry office")
        await reader.round()
        return reached, reader.last.overlap

    assert on(site, work) == (True, False)


@pytest.mark.parametrize(
    ("known", "times", "reached"),
    [
        ([True, True, True], [None] * 3, True),
        ([False, False], [9, 8], False),
        ([False, True, False], [9, 8, 1], True),
        ([True, False, False], [5, 9, 8], False),
        ([True, True, False], [9, 8, 3], True),  # one was taken away, so an older one shows at the end
        ([True, True, False], [9, None, None], False),
        ([True, True, False], [9, 9, 9], False),
        ([True] * 4 + [False], [None] * 5, True),
    ],
)
def test_items_above_the_new_ones_prove_nothing_if_they_may_be_pinned(
    known: list[bool], times: list[int | None], reached: bool
) -> None:
    assert reaches_back(known, times) is reached


def test_an_old_item_that_shows_again_at_the_end_is_history() -> None:
    site = town()
    for number in range(6):
        site.publish(NOTICES[number], time=f"2026-10-0{number + 1}T08:00:00Z")
    site.shown = 4

    async def work(reader: Rounds) -> tuple[list[str], list[str], bool]:
        await reader.round()
        del site.statements["/statements/4"]
        shown = await reader.round()
        return titles(shown), sorted(reader.last.history), reader.last.overlap

    found, history, reached = on(site, work)
    assert found == [NOTICES[1]]
    assert [one.rpartition("/")[2] for one in history] == ["2"]
    assert reached


@pytest.mark.parametrize("time", ["", " "], ids=["times on the pages", "no times"])
@pytest.mark.parametrize("taken", [1, 2])
def test_a_short_list_without_times_from_which_items_were_taken_away_misses_nothing(time: str, taken: int) -> None:
    site = TownSite(shown=3, dated=False)
    for title in NOTICES[:6]:
        site.publish(title, time=time)

    async def work(reader: Rounds) -> tuple[list[str], bool]:
        await reader.round()
        for number in range(4, 4 + taken):  # of those that are shown, the oldest
            del site.statements[f"/statements/{number}"]
        return titles(await reader.round()), reader.last.overlap

    found, reached = on(site, work)
    assert (sorted(found), reached) == (sorted(NOTICES[3 - taken : 3]), True)


@pytest.mark.parametrize("time", ["", " "], ids=["times on the pages", "no times"])
def test_a_short_list_without_times_that_moved_on_below_a_pinned_item_is_a_gap(time: str) -> None:
    site = TownSite(shown=3, dated=False, pinned="/statements/1")
    for title in NOTICES[:4]:
        site.publish(title, time=time)

    async def work(reader: Rounds) -> bool:
        await reader.round()
        del site.statements["/statements/4"]
        for title in NOTICES[5:9]:
            site.publish(title, time=time)
        await reader.round()
        return reader.last.overlap

    assert on(site, work) is False


def test_an_item_that_was_dated_ahead_hides_no_gap() -> None:
    site = TownSite(shown=3, dated=False)
    for title, time in zip(NOTICES[:3], ("22T08", "22T09", "23T06"), strict=True):
        site.publish(title, time=f"2026-11-{time}:00:00Z")

    async def work(reader: Rounds) -> bool:
        await reader.round()
        for hour, title in enumerate(NOTICES[3:7], 12):
            site.publish(title, time=f"2026-11-22T{hour}:00:00Z")
        await reader.round()
        return reader.last.overlap

    assert on(site, work) is False


@pytest.mark.parametrize(
    ("above", "state", "first"),
    [
        ("<h1>Before you continue</h1><p>We use cookies</p><button>Accept all</button>", "consent page", True),
        ("<form><input name=user><input type=password></form>", "sign-in required", False),
    ],
)
def test_the_links_of_a_wall_are_no_statements(above: str, state: str, first: bool) -> None:
    site = town(*NOTICES[:3])
    names = {"/privacy": "Privacy policy of this site", "/terms": "Terms of this service", "/new": "Make an account"}
    links = "".join(f"<li><a href='{path}'>{words}</a></li>" for path, words in names.items())
    wall = Answer(f"<html><body>{above}<ul>{links}</ul></body></html>".encode(), 200, HTML)

    async def work(reader: Rounds) -> None:
        if not first:
            await reader.round()
        site.answers["/statements"] = wall
        await reader.round()

    with pytest.raises(Later) as raised:
        on(site, work)
    assert raised.value.state == state
    assert not names.keys() & set(site.asked)


def test_a_banner_about_cookies_above_a_list_is_no_wall() -> None:
    site = town(*NOTICES[:4])
    site.banner = "<div><p>We use cookies</p><button>Accept all</button></div>"
    assert titles(on(site, lambda reader: reader.round())) == NOTICES[:4]


def test_an_item_whose_page_fails_is_tried_again_and_then_put_aside() -> None:
    site = town(*NOTICES[:3])
    site.answers["/statements/2?utm_source=list"] = Answer(b"", 500)

    async def work(reader: Rounds) -> tuple[list[str], list[int], list[str]]:
        first = titles(await reader.round())
        counts = []
        for _ in range(5):
            await reader.round()
            counts.append(len(reader.last.quarantined))
        site.answers.clear()
        return first, counts, titles(await reader.round())

    first, counts, last = on(site, work)
    assert first == [NOTICES[0], NOTICES[2]]
    assert counts == [0, 0, 0, 1, 0]
    assert last == []


def test_a_page_that_is_gone_is_absent_beside_a_living_one_and_an_edit_is_seen() -> None:
    site = town(*NOTICES[:3])

    async def work(reader: Rounds) -> tuple[list[tuple[str, bool]], str]:
        posts = await reader.round()
        del site.statements["/statements/1"]
        title, time, _ = site.statements["/statements/2"]
        site.statements["/statements/2"] = (title, time, "<p>Other words now.</p>")
        gone, edited = [await reader.source.check(post.native_id) for post in posts[:2]]
        assert edited.post is not None
        return [(gone.presence, gone.control), (edited.presence, edited.control)], edited.post.text

    assert on(site, work) == ([("absent", True), ("present", True)], "Other words now.")


@pytest.mark.parametrize(
    ("html", "state"),
    [
        ("<title>Just a moment...</title><script src='/cdn-cgi/challenge-platform/x'></script>", "challenge page"),
        ("<form><input name=user><input type=password></form>", "sign-in required"),
        (
            "<title>Before you continue</title><form><button>Accept all</button></form><p>We use cookies</p>",
            "consent page",
        ),
        (
            "<div id=root></div><script src=/app.js></script><noscript>Please enable JavaScript</noscript>",
            "JavaScript required",
        ),
    ],
)
@pytest.mark.parametrize("status", [200, 403])
def test_what_stands_in_the_way_is_a_state_and_never_nothing_new(html: str, state: str, status: int) -> None:
    site = town(*NOTICES[:3])

    async def work(reader: Rounds) -> None:
        await reader.round()
        site.answers["/statements"] = Answer(f"<html><body>{html}</body></html>".encode(), status, HTML)
        await reader.round()

    with pytest.raises(Later) as raised:
        on(site, work)
    assert raised.value.state == state


@pytest.mark.parametrize(
    ("html", "state"),
    [
        (
            "<h1>Making sure you're not a bot!</h1><script id=anubis_challenge type='application/json'>{}</script>",
            "challenge page",
        ),
        ("<h1>Bevor Sie fortfahren</h1><button>Alle akzeptieren</button>", "consent page"),
        ("<h1>Мы используем cookie</h1><button>Принять все</button>", "consent page"),
        ("<title>Before you continue</title><p>Choose how we use data.</p><a href='/yes'>Continue</a>", "consent page"),
        ("<h1>Cookies on this site</h1><div id=ask></div><script src=/ask.js></script>", "consent page"),
        ("<h2>このサイトはクッキーを使用します</h2><a href='/yes'>同意する</a>", "consent page"),
        ("<h1>Cookies</h1><a href='/yes'>Allow cookies</a>", "consent page"),
        ("<h1>Please wait</h1><p>Enable cookies and load this page again.</p>", None),
        ("<h1>Road closed</h1><p>The northern road.</p><footer><a href=/c>Cookies</a></footer>", None),
        (f"<h1>Office of the town</h1><p>{'The road is open. ' * 12}</p><p>We use cookies.</p>", None),
    ],
)
def test_walls_are_known_in_more_languages_and_makes(html: str, state: str | None) -> None:
    assert find_wall(f"<html><body>{html}</body></html>") == state


def test_an_article_that_speaks_of_cookies_and_captchas_is_no_wall() -> None:
    words = "We use cookies and a captcha, said the office, before you continue. " * 20
    assert (
        find_wall(f"<html><body><article><p>{words}</p><form><button>Search</button></form></article></body></html>")
        is None
    )


def test_each_change_of_a_page_is_a_revision_and_what_is_ignored_is_none() -> None:
    site = TownSite()
    keys = {"mode": "page", "ignore": [r"It is \d\d:\d\d:\d\d"]}

    async def work(reader: Rounds) -> list[list[str]]:
        rounds = [[post.text for post in await reader.round()] for _ in range(2)]
        site.page = "<p>The ferry sails at nine.</p>"
        rounds.append([post.text for post in await reader.round()])
        return rounds

    first, same, changed = on(site, work, path="/sailings", **keys)
    assert (len(first), same) == (1, [])
    assert "sails at eight" in first[0]
    assert "sails at nine" in changed[0]


def test_a_page_that_alternates_between_two_texts_flickers_until_one_stays() -> None:
    site = TownSite()
    texts = {"a": "<p>The ferry sails at eight.</p>", "b": "<p>The ferry sails at nine.</p>"}

    async def work(reader: Rounds) -> list[str]:
        outcomes = []
        for which in "abababaaaab":
            site.page = texts[which]
            try:
                outcomes.append(f"{len(await reader.round())}")
            except Later as problem:
                outcomes.append(problem.state)
        return outcomes

    found = on(site, work, path="/sailings", mode="page", keep="main p:not(.clock)")
    assert found == ["1", "1", *["flickers"] * 6, "1", "0", "flickers"]


def test_what_robots_txt_forbids_is_not_fetched_unless_a_person_says_so() -> None:
    site = town(*NOTICES[:3])
    site.robots = Answer(b"User-agent: *\nDisallow: /statements\n", 200, {"Content-Type": "text/plain"})
    with pytest.raises(Never, match=r"robots\.txt forbids"):
        on(site, lambda reader: reader.round())
    assert site.asked == ["/robots.txt"]
    assert titles(on(site, lambda reader: reader.round(), robots=False)) == NOTICES[:3]


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /a", "/ab", False),
        ("User-agent: *\nDisallow: /a\nAllow: /ab", "/abc", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf?z", True),
        ("User-agent: *\nDisallow: /*/private/*x", "/a/private/bx", False),
        ("User-agent: other\nDisallow: /", "/a", True),
        ("User-agent: other\nUser-agent: Communique\nDisallow: /a\n\nUser-agent: *\nDisallow: /", "/b", True),
        ("User-agent: communique\nAllow: /\nUser-agent: *\nDisallow: /", "/a", True),
        ("# a comment\nuser-agent : *\ndisallow : /a # why", "/a", False),
        ("<html>not a robots file</html>", "/a", True),
    ],
)
def test_robots_txt_is_read_by_its_standard(rules: str, path: str, allowed: bool) -> None:
    assert Robots.read(rules, "communique").allows(path) is allowed


def test_a_hostile_robots_txt_takes_no_time() -> None:
    rules = Robots.read("User-agent: *\n" + "Disallow: /" + "*a" * 2_000 + "b$\n", "communique")
    assert rules.allows("/" + "a" * 20_000)


@pytest.mark.parametrize(("key", "value"), [("item", "li["), ("ignore", ["("]), ("url", "ftp://town.example/")])
def test_what_can_never_work_is_refused(key: str, value: object) -> None:
    entry = {"name": "t", "kind": "website", "url": "https://town.example/statements", key: value}
    with pytest.raises(ValidationError, match=r"expected|not a"):
        sources.settings_of("website").model_validate(entry)


def test_relative_links_small_pictures_and_foreign_addresses_are_read_rightly() -> None:
    page = (
        b"<html><head><base href='/deep/'></head><body><div class=body><p>Words <a href='x'>here</a> and"
        b" <a href='javascript:alert(1)'>there</a>.</p><img src='/s.jpg'><img src=/i.png width=16><img src='data:image/png,x'>"
        b"</div></body></html>"
    )
    order = PageRequest(
        want="item",
        url="https://town.example/a/b",
        type="text/html",
        item="",
        link="",
        title="",
        time="",
        body=".body",
        keep="",
    )
    found = read_page(page, order)
    assert found["links"] == [("here", "https://town.example/a/x")]
    assert found["images"] == ["https://town.example/s.jpg"]


def test_the_body_is_found_by_itself_where_the_extractor_is_installed() -> None:
    pytest.importorskip("trafilatura")
    site = town(*NOTICES[:3])
    found = on(site, lambda reader: reader.round(), body="auto")
    assert titles(found) == NOTICES[:3]
    assert "The office explains this at some length here." in found[0].text
    assert "Privacy and cookies" not in found[0].text


def listed(html: str, url: str = "https://www.town.example/news/", item: str = "") -> list[tuple[str, str]]:
    """The items of a list as the child reads it: address and title."""
    keys = dict.fromkeys(("link", "title", "time", "body", "keep"), "")
    order: Any = {"want": "list", "url": url, "type": "text/html; charset=utf-8", "item": item, **keys}
    return [(found["url"], found["title"]) for found in read_page(html.encode(), order)["items"]]


TITLES = ("ဝန်ကြီးဌာန ထုတ်ပြန်ချက် အမှတ် ၁", "外交部发言人就有关问题答记者问", "بيان صادر عن الوزارة رقم ٣")


def test_a_list_is_found_in_pages_of_many_shapes() -> None:
    here = [(f"https://www.town.example/p/{number}", title) for number, title in enumerate(TITLES)]
    cards = "".join(
        f'<div class=card><a href="/p/{n}"><img src=x></a><p><a class=t href="/p/{n}">{title}</a></p>'
        f'<a href="/p/{n}">Read more about this statement</a></div>'
        for n, title in enumerate(TITLES)
    )
    assert listed(cards) == here, "a picture above, and a button below"
    kinds = "".join(
        f'<article><a href="/c/{n}">Ministry of words</a><h2><a href="/p/{n}">{title}</a></h2></article>'
        for n, title in enumerate(TITLES)
    )
    assert listed(kinds, item="article") == here, "a category above"
    popular = "".join(
        f"<p><a href=/old/{n}>A long title of an article that many have read {n}</a></p>" for n in range(9)
    )
    assert listed(f"<main>{kinds}</main><div>{popular}</div>", item="") == here, "more words beside the main part"
    bare = "".join(f'<li><a href="https://town.example/p/{n}">{title}</a></li>' for n, title in enumerate(TITLES))
    assert [title for _, title in listed(bare)] == list(TITLES), "with www. and without"
    cut = "".join(f'<li><a href="/p/{n}" title="{title}">{title[:12]}…</a></li>' for n, title in enumerate(TITLES))
    assert listed(cut) == here, "titles that the page cuts off"
