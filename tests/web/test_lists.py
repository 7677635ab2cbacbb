"""The pages of events, sources, coverage, rules, alerts and files: what each of them says."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from bot.web.routes import ROUTES
from storage.archive.database import Archive
from storage.language.query import parse
from storage.search.search import search
from tests.web.addresses import list_pages
from tests.web.archive import BURMESE, CLAIM, DENIAL, ZAWGYI, Day, Seeded, seed
from tests.web.serving import asking, opened
from tests.web.skeleton import words

UNSEEN = [  # parts and files of pages, and what needs people: each has tests of its own
    "/post/{id:id}/cite.json", "/post/{id:id}/fresh", "/post/{id:id}/raw/{sha256}", "/search/fresh",
    "/post/{source}/{number:path}", "/export/file", "/requests/{key}", "/mute", "/enter/{secret}",
]  # fmt: skip


@pytest.fixture(scope="module")
def ask(seeded: Seeded) -> Iterator[TestClient]:
    with opened(seeded) as room, asking(room) as client:
        yield client


def read(ask: TestClient, address: str) -> str:
    """What a person reads there, on one line."""
    answer = ask.get(address)
    assert answer.status_code == 200
    return " ".join(words(answer.text).split())


def test_every_page_answers_and_stays_small(seeded: Seeded, ask: TestClient) -> None:
    for name, address in list_pages(seeded).items():
        answer = ask.get(address)
        assert answer.status_code in (200, 400, 404), name
        assert len(answer.content) <= 100_000, name
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; "), name


def test_every_page_that_has_an_address_is_looked_at(seeded: Seeded) -> None:
    asked = {urlsplit(address).path for address in list_pages(seeded).values()}
    routes = [route for route in ROUTES if isinstance(route, Route) and route.methods == {"GET", "HEAD"}]
    unseen = [
        route.path
        for route in routes
        if not any(route.path_regex.match(path) for path in asked)
        and not route.path.startswith(("/api/", "/feeds/", "/static/"))
    ]
    assert unseen == UNSEEN


def test_an_event_has_its_copies_with_their_reasons_what_faces_it_and_who_quotes_it(
    seeded: Seeded, ask: TestClient
) -> None:
    page = read(ask, f"/event/{seeded.posts['claim']}")
    assert CLAIM in page
    assert "2 copies in 2 channels of 2 families" in page
    assert "a forward of the same message" in page
    assert "· the same words ·" in page
    assert "Our reporter at Taungkyar could not confirm this." in page
    burmese = ask.get(f"/event/{seeded.posts['burmese']}").text
    assert BURMESE in burmese
    assert DENIAL.partition(". ")[0] in burmese, "it faces the newest that the other side had said"
    assert ZAWGYI not in burmese


def test_the_address_of_a_copy_leads_to_the_event_and_an_unknown_one_to_nothing(
    seeded: Seeded, ask: TestClient
) -> None:
    led = ask.get(f"/event/{seeded.posts['copy']}")
    assert (led.status_code, led.headers["location"]) == (302, f"/event/{seeded.posts['claim']}")
    for address in ("/event/7", "/event/9" + "9" * 18, "/event/" + "9" * 5000, "/event/-1", "/event/x"):
        assert ask.get(address).status_code == 404


def test_coverage_shows_blind_sources_first_every_stretch_and_every_gap(ask: TestClient) -> None:
    page = ask.get("/coverage").text
    assert re.findall(r'<th scope="row"><a class="source" href="/source/([^"]+)"', page)[0] == "north-relief"
    shown = read(ask, "/coverage")
    assert "the server did not answer within 30 s" in shown
    assert re.search(r"gulf-observer: 2025-11-22 13:\d\d – 2025-11-22 14:\d\d \(failing\)", shown)
    assert "border-daily: gap 40–44" in shown
    assert page.count("<svg") == 7
    assert 'aria-label="river-alliance: watched 100 %"' in page


def test_a_source_shows_its_state_what_changed_of_it_its_gaps_and_newest_posts(ask: TestClient) -> None:
    blind = read(ask, "/source/north-relief")
    assert "unreachable since 2025-11-22" in blind
    assert "the server did not answer within 30 s" in blind
    rangers = read(ask, "/source/hill-rangers")
    assert "has another title: “Hill Rangers, the only official channel”, was “Hill Rangers”" in rangers
    assert "no habit is known yet" in rangers
    assert "A bridge of boats" in rangers
    assert "missed 40–44" in read(ask, "/source/border-daily")
    assert ask.get("/source/nobody").status_code == 404


def test_a_rule_shows_what_it_means_and_what_it_would_have_found(seeded: Seeded, ask: TestClient) -> None:
    assert "Looked at on Fridays; it alerts nobody." in read(ask, "/rules")
    page = read(ask, "/rules/bridges?replay=7")
    with Archive(seeded.data_dir / "communique.db") as archive, archive.reading() as reader:
        expected = len(list(search(reader, parse("bridge OR တံတား"), limit=None, reliable=True)))
    assert f"It matches {expected} posts of the last 7 days." in page
    assert "0 useful, 1 noise" in page
    assert ask.get("/rules/no-such-rule").status_code == 404


def test_alerts_say_what_became_of_each_message_and_what_has_not_arrived(seeded: Seeded, ask: TestClient) -> None:
    page = read(ask, "/alerts")
    assert "desk: failing since" in page
    assert "the target did not answer within 20 s" in page
    assert "chat not found: the bot is no member of it" in page
    assert "rule bridges and target desk until" in page
    dead = read(ask, "/alerts?state=dead")
    assert "A bridge" not in dead
    assert dead.count("desk: not delivered") == 1
    one = read(ask, f"/alerts/{seeded.alerts['deleted later']}")
    assert "Taken up byAye" in one
    assert "The convoy left the barracks" in one
    assert "Aye: useful" in one
    assert ask.get("/alerts/999999").status_code == 404


def test_alerts_are_read_page_by_page_and_none_is_shown_twice_or_left_out(seeded: Seeded, ask: TestClient) -> None:
    seen, address = list[str](), "/alerts"
    while address:
        page = ask.get(address).text
        seen += re.findall(r'<a data-open href="/alerts/(\d+)"', page)
        older = re.search(r'rel="next"[^>]* href="([^"]+)"', page)
        address = older[1].replace("&amp;", "&") if older else ""
    with Archive(seeded.data_dir / "communique.db") as archive, archive.reading() as reader:
        assert seen == [str(one) for one in reader.column("SELECT id FROM matches ORDER BY id DESC")]


def test_a_file_shows_its_hash_its_type_and_the_posts_with_it(seeded: Seeded, ask: TestClient) -> None:
    page = read(ask, f"/files/{seeded.files['picture']}")
    assert seeded.files["picture"] in page
    assert "image/png" in page
    assert "2 posts show it" in page
    assert "The regional command remains in its place." in page
    assert "tesseract" in page
    assert "0.91" in page
    recording = ask.get(f"/files/{seeded.files['recording']}").text
    assert '<audio controls preload="none"' in recording
    assert "<img" not in ask.get(f"/files/{seeded.files['document']}").text
    for sha256 in ("0" * 64, "x", seeded.files["picture"].upper(), "..%2f..%2fetc"):
        assert ask.get(f"/files/{sha256}").status_code == 404


def test_files_are_narrowed_by_kind_state_and_source(ask: TestClient) -> None:
    assert "gone.ogg" in read(ask, "/files")
    assert "gone.ogg" not in read(ask, "/files?kind=photo")
    assert "notice 15.png" in read(ask, "/files?kind=photo&state=stored&source=state-spokesman")
    assert "gone: HTTP 404" in read(ask, "/files?state=gone")
    assert "No files." in read(ask, "/files?source=nobody")


def say_much_after_little(day: Day) -> None:
    day.say("river-alliance", "old", "The oldest of all.")
    for number in range(25):
        day.say("valley-radio", f"bulletin {number}", f"Bulletin {number}.")


def test_a_post_that_is_older_than_a_page_comes_in_its_turn(tmp_path: Path) -> None:
    own = seed(tmp_path, say_much_after_little)
    with opened(own) as room, asking(room) as ask:
        first = ask.get("/compare?a=source:river-alliance&b=source:valley-radio").text
        assert "The oldest of all." not in first
        older = re.search(r'rel="next"[^>]* href="([^"]+)"', first)
        assert older
        assert "The oldest of all." in ask.get(older[1].replace("&amp;", "&")).text


def test_two_voices_are_compared_in_the_order_of_time_and_nothing_is_left_out(seeded: Seeded, ask: TestClient) -> None:
    seen, address = list[tuple[str, int]](), "/compare?a=side%3Ajunta&b=source%3Avalley-radio"
    while address:
        page = ask.get(address).text
        seen += [
            (column, int(post))
            for column, post in re.findall(r'<div class="([ab])">.*?data-open href="/post/(\d+)"', page, re.DOTALL)
        ]
        older = re.search(r'rel="next"[^>]* href="([^"]+)"', page)
        address = older[1].replace("&amp;", "&") if older else ""
    ids = [post for _, post in seen]
    assert ids == sorted(ids, reverse=True)
    with Archive(seeded.data_dir / "communique.db") as archive, archive.reading() as reader:
        for column, words_of in (("a", "side:junta"), ("b", "source:valley-radio")):
            expected = [one.post_id for one in search(reader, parse(words_of), limit=None)]
            assert [post for where, post in seen if where == column] == expected
    page = read(ask, "/compare?q=command&a=side:junta&b=side:resistance")
    assert "Contact with the regional command" in page
    assert "Statement 14" in page
    assert "Bulletin" not in page
    assert "Choose two sources" in read(ask, "/compare?a=side:nobody&b=side:junta")
    assert ask.get("/compare?q=(x&a=side:junta&b=side:press").status_code == 400


def test_every_example_of_the_help_is_a_query_that_is_understood(ask: TestClient) -> None:
    page = ask.get("/help").text
    links = re.findall(r'<dt><a href="(/search\?q=[^"]+)"', page)
    assert len(links) > 10
    for link in links:
        assert ask.get(link).status_code == 200, link
        assert "Probably not meant" not in ask.get(link).text, link
