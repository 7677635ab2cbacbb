"""What strangers wrote is shown as words on every page, and makes no element, no script and no request."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.web.addresses import list_hostile_pages
from tests.web.archive import Seeded
from tests.web.hostile import ATTEMPTS, WORDS, harmless
from tests.web.serving import asking, opened
from tests.web.skeleton import is_ours, skeleton, walk


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
