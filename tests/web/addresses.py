"""Every page of the reading room on a seeded archive, by name: what is checked of one page is checked of all."""

from collections.abc import Mapping
from urllib.parse import quote

from tests.web.archive import Seeded


def list_pages(seeded: Seeded) -> Mapping[str, str]:
    """The address of each page, and of some states of it."""
    return {
        "now": "/",
        "search": "/search?q=command",
        "search all": "/search",
        "search none": "/search?q=nowhere",
        "search mistake": "/search?q=lashio+OR+(",
        **{f"post {name}": f"/post/{number}" for name, number in seeded.posts.items() if "usual" not in name},
        "nothing": "/no-such-page",
    }


def list_hostile_pages(seeded: Seeded) -> Mapping[str, str]:
    """The same for an archive in which strangers chose every word."""
    return {"now": "/", "search": "/search"}


def put(words: str) -> str:
    """Words as a part of an address."""
    return quote(words, safe="")
