"""The reading room in a real browser: every page, at three widths, light and dark, with and without scripts, by keys."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from bot.clock import Clock
from tests.web.addresses import list_browsed, list_pages
from tests.web.archive import MINUTE, Seeded
from tests.web.browser import Looking, looking, missing, started
from tests.web.letting_in import PASSWORD, guarded
from tests.web.serving import opened, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")
_EACH_TEMPLATE = (
    "now", "search", "search mistake", "post recording", "post edited", "post zawgyi", "event in Burmese", "source",
    "coverage", "rules", "rule replayed", "alerts", "alert", "files", "picture", "nothing", "compare sides", "help",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with started() as running:
        yield running


@pytest.fixture(scope="module")
def base(seeded: Seeded) -> Iterator[str]:
    with opened(seeded) as room, served(room) as address:
        yield address


@pytest.fixture
def person(browser: "Browser", base: str) -> Iterator[Looking]:
    """Somebody with a phone; nothing may have gone wrong in the end."""
    with looking(browser, base) as here:
        yield here
        assert here.wrong == []


def find_faults(person: Looking, pages: Mapping[str, str]) -> list[str]:
    """What is wrong with these pages: sideways scrolling at any width, barriers in light and in the dark."""
    found: list[str] = []
    for name, address in pages.items():
        status = person.open(address)
        assert status in (200, 400, 404), name
        wrong = [*person.find_overflow(), *person.find_overflow_of_large_words(), *person.find_barriers()]
        person.page.emulate_media(color_scheme="dark")
        wrong += [f"in the dark: {one}" for one in person.find_barriers(("color-contrast",))]
        person.page.emulate_media(color_scheme="light")
        found += [f"{name}, {one}" for one in wrong]
    return found


def test_no_page_reaches_outside_breaks_a_script_is_too_wide_or_shuts_anybody_out(
    seeded: Seeded, person: Looking
) -> None:
    pages = list_pages(seeded)
    assert find_faults(person, {name: pages[name] for name in _EACH_TEMPLATE}) == []


def test_what_is_printed_fits_its_paper(seeded: Seeded, person: Looking) -> None:
    pages = list_pages(seeded)
    printed = {}
    for name in ("search", "post edited", "post zawgyi", "event in Burmese", "coverage", "alert"):
        assert person.open(pages[name]) == 200
        printed[name] = person.print()
        assert not person.page.locator("header.site").is_hidden()
    assert [name for name, (_, wide) in printed.items() if wide] == []
    assert {name: sheets for name, (sheets, _) in printed.items() if sheets > 2} == {}


@pytest.mark.long
def test_nor_does_any_other_state_of_a_page(seeded: Seeded, person: Looking) -> None:
    assert find_faults(person, list_pages(seeded)) == []


def test_the_checks_see_what_they_look_for(person: Looking) -> None:
    person.page.goto("about:blank")
    person.page.set_content("<p style='width: 900px'>wide</p>" + "<p style='break-after: page'>a page</p>" * 3)
    assert person.print() == (3, ['<p style="width: 900px">wide</p>', "the page is wider than the window"])
    person.page.set_content("<p style='width: 50rem'>twice as wide</p>")
    assert person.find_overflow_of_large_words()
    person.page.set_content(
        "<html lang='en'><title>x</title><main style='width:2000px'><img src='http://127.0.0.1:9/x.png'>"
        "<p style='color:#eee;background:#fff'>pale</p></main></html>"
    )
    assert any("1400" in one for one in person.find_overflow())
    assert {one.partition(" ")[0] for one in person.find_barriers()} >= {"image-alt", "color-contrast"}
    assert person.wrong
    person.wrong.clear()


def test_without_scripts_a_person_searches_reads_and_goes_on(browser: "Browser", base: str, seeded: Seeded) -> None:
    with looking(browser, base, scripts=False) as here:
        page = here.page
        here.open("/")
        page.get_by_role("link", name="Search", exact=True).click()
        page.get_by_role("searchbox").fill("command")
        page.get_by_role("searchbox").press("Enter")
        page.get_by_role("link", name="state-spokesman").first.click()
        page.get_by_role("heading", name="state-spokesman", level=1).wait_for()
        here.open("/search?q=bulletin")
        page.get_by_role("link", name="Older posts").click()
        assert page.get_by_role("article").count() == 10
        here.open(f"/post/{seeded.posts['copy']}")
        page.locator(f"a[href='/event/{seeded.posts['claim']}']").first.click()
        page.get_by_role("heading", name="The statement and its copies").wait_for()
        page.get_by_role("link", name="Alerts", exact=True).click()
        page.get_by_role("link", name="not delivered").click()
        page.get_by_role("link", name="bridges").last.click()
        page.get_by_role("heading", name="What the rule found").wait_for()
        page.get_by_role("link", name="Files", exact=True).click()
        page.get_by_role("link", name="order.wav").click()
        page.get_by_role("heading", name="1 post shows it").wait_for()
        assert here.wrong == []


def test_keys_alone_lead_everywhere_and_the_focus_is_seen(person: Looking, seeded: Seeded) -> None:
    page, press = person.page, person.page.keyboard.press
    person.open("/alerts")
    press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.get_by_role("link", name="Skip to the words").bounding_box()["y"] >= 0  # type: ignore[index]
    press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(12):
        press("Tab")
        assert float(page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")) >= 2
    press("j")
    press("j")
    press("k")
    press("Enter")
    page.wait_for_url(f"{person.base}/alerts/*")
    press("/")
    page.locator("#q:focus").wait_for()
    page.keyboard.type("taungkyar command")
    press("Enter")
    page.wait_for_url(f"{person.base}/search?q=*")
    press("Escape")
    press("j")
    press("Enter")
    page.wait_for_url(f"{person.base}/post/*")
    person.open(f"/post/{seeded.posts['copy']}")
    press("e")
    page.wait_for_url(f"{person.base}/event/{seeded.posts['claim']}")
    press("?")
    page.get_by_role("dialog").wait_for()
    press("Escape")
    assert not page.get_by_role("dialog").is_visible()


def test_now_is_renewed_around_what_somebody_is_typing(browser: "Browser", seeded: Seeded) -> None:
    moment = [seeded.now]
    with (
        opened(seeded) as room,
        served(replace(room, clock=Clock(now=lambda: moment[0]))) as base,
        looking(browser, base) as here,
    ):
        here.page.clock.install()
        here.open("/")
        here.page.keyboard.press("/")
        here.page.keyboard.type("regional com")
        moment[0] += 60 * MINUTE
        here.page.clock.run_for(16_000)
        here.page.get_by_text("not polled").wait_for()
        here.page.keyboard.type("mand")
        assert here.page.get_by_role("searchbox").input_value() == "regional command"
        assert here.wrong == []


@pytest.mark.long
def test_what_takes_long_to_count_comes_later_into_the_page_that_is_read(browser: "Browser", seeded: Seeded) -> None:
    go_on = Event()
    with opened(seeded) as room, served(room) as base, looking(browser, base) as here:
        others = [
            Thread(target=asyncio.run, args=[room.reading.count(room.owner, lambda _: go_on.wait(120))])
            for _ in range(2)
        ]
        for one in others:
            one.start()
        try:
            while not room.reading.counts_many:
                time.sleep(0.01)
            here.open("/search")
            here.page.get_by_text("Counting…").wait_for()
            assert here.page.locator("article.item").count() == 20
            assert not here.page.locator("#facets li").count()
        finally:
            go_on.set()
        here.page.locator("#count strong").filter(has_text=re.compile(r"^\d+ posts$")).wait_for()
        here.page.locator("#facets li a").first.wait_for()
        assert here.page.url == f"{base}/search"
        assert here.wrong == []


def test_keys_mean_the_chosen_post_and_no_other(person: Looking, seeded: Seeded) -> None:
    page, press = person.page, person.page.keyboard.press
    person.open('/search?q="regional command"')
    press("j")
    assert not page.locator(".current [data-key=e]").count(), "the newest hit has no copies"
    press("e")
    assert page.get_by_role("status").filter(has_text="no copies").is_visible()
    press("k")
    assert page.locator(".said").inner_text() == ""
    assert page.evaluate("document.activeElement.classList.contains('current')"), "e has led nowhere"
    for _ in range(3):
        press("j")
    press("e")
    page.wait_for_url(f"{person.base}/event/{seeded.posts['claim']}")
    page.go_back()
    page.wait_for_url(f"{person.base}/search?q=*")


@pytest.mark.parametrize("address", ["/search", "/export", "/compare"])
def test_a_field_is_high_enough_for_burmese(person: Looking, address: str) -> None:
    person.open(f"{address}?q=တိုင်းစစ်ဌာနချုပ်")
    style = "(box) => [getComputedStyle(box).lineHeight, getComputedStyle(box).fontSize].map(parseFloat)"
    line, letters = person.page.locator("#q").evaluate(style)
    assert letters >= 16, "a phone zooms into a field of smaller letters"
    assert line / letters >= 1.85


def test_bad_inputs_54_and_the_attempts_run_nothing_and_ask_nobody_in_a_browser(
    browser: "Browser", hostile: Seeded, twin: Seeded
) -> None:
    shown: list[list[list[str]]] = []
    for archive in (hostile, twin):
        with opened(archive) as room, served(room) as address, looking(browser, address) as here:
            shown.append([])
            for place in list_browsed(archive):
                assert here.open(place) == 200, place
                shown[-1].append(here.list_elements())
            assert here.wrong == []
    for place, mine, others in zip(list_browsed(hostile), *shown, strict=True):
        assert set(mine) == set(others), place


def test_a_person_signs_in_answers_an_alert_and_mutes_by_keys_alone(
    browser: "Browser", copy_of_seeded: Callable[[], Seeded], tmp_path: Path
) -> None:
    own = copy_of_seeded()
    with guarded(own, tmp_path) as house, served(house.room) as base, looking(browser, base) as here:
        house.add("Ann", "desk")
        page, press = here.page, here.page.keyboard.press
        alert = f"/alerts/{own.alerts['dead']}"
        here.open(alert)
        page.get_by_label("Password").wait_for()
        found = here.find_barriers()
        page.get_by_label("Name").focus()
        page.keyboard.type("Ann")
        press("Tab")
        page.keyboard.type(PASSWORD)
        press("Enter")
        page.wait_for_url(f"{base}{alert}")
        found += here.find_barriers()
        page.get_by_role("button", name="Take up").focus()
        press("Enter")
        page.get_by_role("heading", name="You asked").wait_for()
        page.get_by_text("No daemon runs.").wait_for()
        found += here.find_barriers() + here.find_overflow()
        here.open(alert)
        press("m")
        page.get_by_label("Rule").wait_for()
        assert page.get_by_label("Rule").input_value() == "bridges"
        found += here.find_barriers() + here.find_overflow()
        page.get_by_label("Why").focus()
        page.keyboard.type("known since Monday")
        press("Enter")
        page.get_by_role("heading", name="You asked").wait_for()
        here.open("/search?q=bridge")
        press("j")
        press("m")
        page.wait_for_url(f"{base}/mute?source=*")
        assert found == []
        assert here.wrong == []
