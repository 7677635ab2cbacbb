"""The page / and the lines of a rule: what is not watched comes first, and nothing is sent again that has not changed."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import pytest
from starlette.testclient import TestClient

from tests.web.archive import END, MINUTE, Seeded
from tests.web.serving import asking, opened


@pytest.fixture(scope="module")
def ask(seeded: Seeded) -> Iterator[TestClient]:
    with opened(seeded) as room, asking(room) as client:
        yield client


def test_what_is_not_watched_is_said_before_anything_else(ask: TestClient, seeded: Seeded) -> None:
    page = ask.get("/").text
    assert page.index("not watched") < page.index("without a gap since") < page.index("Newest events")
    assert "north-relief" in page[: page.index("Newest events")]
    with opened(replace(seeded, now=END + 60 * MINUTE)) as later, asking(later) as client:
        page = client.get("/").text
        assert "without a gap" not in page
        assert page.count("not polled") == 1, "those that nobody polls since one time are one line"


def test_events_and_alerts_lead_to_their_pages(ask: TestClient, seeded: Seeded) -> None:
    page = ask.get("/").text
    assert f'href="/event/{seeded.posts["denial"]}"' in page
    assert re.search(r'<a data-open href="/post/\d+"><bdi>bridges</bdi>', page)


def test_a_statement_that_is_gone_is_marked(ask: TestClient, seeded: Seeded) -> None:
    address = f'href="/event/{seeded.posts["deleted"]}"'
    [statement] = [one for one in ask.get("/").text.split("<article") if address in one]
    assert '<strong class="bad">deleted</strong>' in statement


def test_a_page_that_has_not_changed_is_not_sent_again(ask: TestClient) -> None:
    address = re.search(r'hx-get="(/\?mark=[0-9a-f]+)"', ask.get("/").text)
    assert address
    assert ask.get(address[1]).status_code == 204
    assert ask.get("/?mark=older").status_code == 200


def test_newer_posts_of_a_search_are_counted(ask: TestClient) -> None:
    page = ask.get("/search", params={"q": "bridge"}).text
    address = re.search(r'hx-get="(/search/fresh[^"]+)"', page)
    assert address
    assert ask.get(unescape(address[1])).status_code == 204
    assert "newer posts" in ask.get("/search/fresh?q=bridge&after=1").text


@pytest.mark.parametrize(
    "asked",
    [
        {"q": '"regional command" OR bridge', "side": "junta", "source": "hill-rangers", "day": "2025-11-22"},
        {"q": "it's", "kind": "photo"},
        {"q": "\tx\u202e 'y' \"z\""},
        {"source": "hill-rangers"},
        {"side": 'of "two" words'},
    ],
)
def test_a_search_is_saved_as_lines_that_the_config_reads_and_that_find_the_same(
    ask: TestClient, asked: dict[str, str]
) -> None:
    page = ask.get("/search/rule", params=asked | {"replay": "1"})
    assert page.status_code == 200
    lines = re.search(r"<pre[^>]*><code>(.*?)</code></pre>", page.text, re.DOTALL)
    assert lines
    [rule] = tomllib.loads(unescape(lines[1]))["rules"]
    words = {name: value for name, value in asked.items() if name != "day"}
    found = re.search(r"<strong>([\d,]+) posts?</strong>", ask.get("/search", params=words).text)
    again = ask.get("/search", params={"q": rule["query"], "source": rule.get("sources", [""])[0]}).text
    assert found
    assert found[0] in again
    assert found[0] in page.text


def test_a_rule_of_nothing_is_refused(ask: TestClient) -> None:
    assert ask.get("/search/rule").status_code == 400
    assert ask.get("/search/rule?q=(").status_code == 400
