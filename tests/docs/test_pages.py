"""What the pages say of the code is so: generated pages, links, names of files, and the words of the house."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.reading import PAGES, ROOT, anchors, links, prose, read
from tests.pages_of_docs import PAGES as MADE

WRITTEN = [page for page in PAGES if page.name not in MADE]
BANNED = re.compile(r"\b(told|anew|goes on|stands in|stand in|of ours|nobody knows|asked for by)\b")


@pytest.mark.parametrize("name", MADE)
def test_a_page_made_from_the_code_is_as_the_code_is(name: str) -> None:
    made: Callable[[], str] = MADE[name]
    assert made() == read(ROOT / "docs" / name), "run: make docs"


def test_every_key_of_the_config_has_a_meaning() -> None:
    silent = [line for line in read(ROOT / "docs" / "config.md").splitlines() if line.endswith("|  |")]
    assert silent == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        there = (page.parent / name) if name else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(r"`((?:bot|storage|tests|deploy|docs|bench|requirements)/[\w./-]*)`", read(page))
    assert [one for one in named if not (ROOT / one).exists()] == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_every_name_of_the_code_that_a_page_gives_is_in_its_file(page: Path) -> None:
    """Written as `bot/alerts/decide.py :: judge`."""
    named = re.findall(r"`([\w/.]+\.py) :: (\w+)(?:\.(\w+))?`", read(page))
    missing = []
    for path, *names in named:
        text = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).exists() else ""
        missing += [
            f"{path} :: {name}"
            for name in names
            if name and not re.search(rf"(def|class) {name}\b|^{name}\b", text, re.MULTILINE)
        ]
    assert missing == []


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_no_page_speaks_the_old_dialect(page: Path) -> None:
    text = read(page) if page.name != "CONTRIBUTING.md" else prose(page)  # it lists these words, in a block
    assert BANNED.findall(text) == []


def test_the_index_names_every_page() -> None:
    listed = {link.partition("#")[0] for link in links(ROOT / "docs" / "README.md")}
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert pages <= listed
