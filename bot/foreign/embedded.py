"""PURE: posts of others that HTML embeds, by the marks of their platforms: they are words of whoever wrote them.

The marks are those of the embed codes that the platforms give out (a `blockquote` with a class, which a script of
theirs turns into a frame), and the one with which RSSHub quotes a post.
"""

import re

from bot.foreign.markup import plain

_MARKS = (
    *("twitter-tweet", "twitter-video", "bluesky-embed", "mastodon-embed", "instagram-media", "tiktok-embed"),
    *("text-post-media", "reddit-embed-bq", "reddit-card", "fb-post", "rsshub-quote"),
)
_MARKED = re.compile("|".join(_MARKS))
_SELECTOR = ", ".join(f".{mark}" for mark in _MARKS)
_MOST = 50  # of one piece of HTML


def plain_apart(markup: str) -> tuple[str, list[tuple[str, str]], str]:
    """The words of a piece of HTML and its links, as `plain` reads them, and the words of what it embeds."""
    own, quoted, places = part_embedded(markup)
    words, links = plain(own)
    return words, [*links, *places], quoted


def part_embedded(markup: str) -> tuple[str, str, list[tuple[str, str]]]:
    """The HTML without the posts that it embeds, their words, and where each is: ("quoted post", address)."""
    if _MARKED.search(markup) is None:
        return markup, "", []
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(markup)
    words: list[str] = []
    places: list[tuple[str, str]] = []
    while len(words) < _MOST and (node := page.css_first(_SELECTOR)) is not None:
        said, links = plain(node.html or "")
        words.append(said)
        places += [("quoted post", address) for _, address in links[-1:]]  # the last link of an embed leads to its post
        node.decompose()
    return page.html or "", "\n\n".join(filter(None, words)), places
