"""What strangers wrote is shown as words on every page, and makes no element, no script and no request."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from bot.foreign.text import visible
from storage.archive.columns import storable
from tests.web.addresses import list_hostile_pages, put
from tests.web.archive import Seeded
from tests.web.hostile import ATTEMPTS, BAD_INPUTS, WORDS, harmless
from tests.web.hostile_archive import handfuls
from tests.web.serving import asking, opened
from tests.web.skeleton import is_ours, skeleton, walk, words

SAMPLE = (*ATTEMPTS[:: len(ATTEMPTS) // 40], *(texts[0] for texts in BAD_INPUTS.values()))


@pytest.fixture(scope="module")
def ask(hostile: Seeded) -> Iterator[TestClient]:
    with opened(hostile) as room, asking(room) as client:
        yield client


@pytest.fixture(scope="module")
def ask_twin(twin: Seeded) -> Iterator[TestClient]:
    with opened(twin) as room, asking(room) as client:
        yield client


def check_elements(html: str) -> None:
    assert [node.html[:200] for _, node in walk(html) if not is_ours(node)] == []


def test_bad_inputs_01_to_20_and_32_34_41_46_51_to_54_58_60_to_65_and_71_make_no_element_on_any_page(
    hostile: Seeded, twin: Seeded, ask: TestClient, ask_twin: TestClient
) -> None:
    pages, of_twin = list_hostile_pages(hostile), list_hostile_pages(twin)
    assert list(pages) == list(of_twin)
    for name, address in pages.items():
        here, there = ask.get(address), ask_twin.get(of_twin[name])
        assert (here.status_code, there.status_code) == (200, 200), f"{name}: {address}"
        check_elements(here.text)
        assert skeleton(here.text) == skeleton(there.text), name


def test_the_corpus_has_five_hundred_attempts_and_their_twins_hold_no_sign_of_markup() -> None:
    assert len(set(ATTEMPTS)) == 500
    assert all(not set(harmless(word)) & set("<>&\"'`=/:{}%") for word in WORDS)


def test_bad_inputs_01_to_20_and_51_and_54_are_read_as_words_on_the_page_of_their_post(
    hostile: Seeded, ask: TestClient
) -> None:
    for number, handful in list(enumerate(handfuls()))[::6]:
        shown = words(ask.get(f"/post/{hostile.posts[f'post {number}']}").text)
        for word in handful:
            for line in filter(str.strip, visible(storable(word), newlines=True).split("\n")):
                assert line.strip() in shown, f"post {number}: {line!r}"


@pytest.mark.parametrize(
    "form",
    ["/search?q={}", "/search?source={}", "/search?tz={}&day={}", "/compare?q={}&a={}&b={}", "/rules/{}", "/source/{}",
     "/files?source={}", "/alerts?rule={}&state={}", "/files/{}", "/event/{}", "/post/x/{}", "/{}", "/static/{}"],
)  # fmt: skip
def test_bad_inputs_60_and_the_attempts_as_query_and_address_make_no_element(ask: TestClient, form: str) -> None:
    for word in SAMPLE:
        answer = ask.get(form.format(*[put(storable(word))] * form.count("{}")))
        assert answer.status_code in (200, 303, 307, 400, 404), word
        check_elements(answer.text)
        assert all("ran(" not in value and "evil" not in value for value in answer.headers.values()), word


def test_the_attempts_as_headers_and_cookies_make_no_element(ask: TestClient) -> None:
    for word in SAMPLE[::3]:
        sent = word.encode("ascii", "ignore").decode().translate(dict.fromkeys(range(32)))
        for name in ("Accept-Language", "User-Agent", "Referer", "X-Forwarded-Host", "HX-Request", "Range", "Accept"):
            answer = ask.get("/rules", headers={name: sent})
            assert answer.status_code == 200, (name, word)
            check_elements(answer.text)
        answer = ask.get("/rules", headers={"Cookie": f"tz={sent}; session={sent}"})
        assert answer.status_code == 200
        check_elements(answer.text)
        assert ask.get("/", headers={"Host": sent or "x"}).status_code in (400, 421)


def test_odd_requests_are_answered_shortly(ask: TestClient) -> None:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "<SCRIPT>"):
        assert ask.request(method, "/search").status_code in (400, 403, 405), method
    assert ask.get("/search?q=a&q=b&before=1&before=x&source=a&source=b").status_code == 200
    assert ask.get("/search", headers={"Cookie": "; ".join(f"c{n}={n}" for n in range(10_000))}).status_code == 200
    assert ask.get("/search?" + "&".join(f"p{n}=1" for n in range(5_000))).status_code < 500
    assert ask.get("/search?q=" + "(" * 5_000).status_code == 400
    assert ask.get("/search?q=" + "a+OR+" * 4_000 + "b").status_code < 500
    assert ask.post("/sign-in", data={"name": "x" * 10_000_000}).status_code in (400, 403, 413)
    for path in ("/../../etc/passwd", "/static/../room.css", "/static/%2e%2e/app.py", "//evil.example/", "/post/1/../x",
                 "/static/%00", "/files/%00", "/source/%ff%fe", "/%e2%80%ae"):  # fmt: skip
        answer = ask.get(path)
        assert answer.status_code in (200, 307, 404), path
        assert "evil.example" not in answer.headers.get("location", ""), path
