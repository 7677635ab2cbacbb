"""The pages that people read: their links, their blocks of commands, and the commands in their sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
NOT_RUN = "Not run by a test:"
_BLOCK = re.compile(r"(?ms)^```(\w*)\n(.*?)^```$")
_CODE = re.compile(r"(?ms)^```.*?^```$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `runs` is False where the line before it says that no test runs it."""

    page: str
    language: str
    text: str
    runs: bool


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> Iterator[Block]:
    text = read(page)
    for found in _BLOCK.finditer(text):
        before = text[: found.start()].rstrip().rpartition("\n")[2]
        yield Block(page.name, found[1], found[2], runs=not before.endswith(NOT_RUN))


def prose(page: Path) -> str:
    return _CODE.sub("", read(page))


def quoted_commands(page: Path) -> list[str]:
    """Every `communique …` in a sentence."""
    found = re.findall(r"(?<!`)`(communique [^`]+)`", prose(page))
    return list(dict.fromkeys(" ".join(one.split()) for one in found))


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """The names by which the headings of a page can be linked to, as web sites of Git make them."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
