"""An archive in which every word is an attack on the program that reads the export."""

from pathlib import Path

from storage.archive.database import Archive
from storage.migrations import migrate
from storage.posts import saving
from storage.records import Batch, FetchedMedia, FetchedPost, Forward, Link, Raw
from storage.sources import states
from tests.export.exported import Exports

NOON = 1_762_000_000_000_000
FORMULAS = ('=HYPERLINK("http://evil.example","x")', "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "＝1+1")
NASTY = (
    *FORMULAS,
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[[../../etc/passwd]] ![[secret]] `= dv.pages()` <% tp.system.prompt() %> #tag %%hidden%% ```dataviewjs\nx\n```",
    "\x1b[2J\u202egnp\x9b31m ]]> & \" ' \ufffe\uffff \x0b --- _x0041_",
    "---\ntags: [x]\n---\n> [!danger] callout\n    code\n- [ ] task\n1. list\n| a | b |\n![x](http://evil.example/x.png)",
    "\ud800 half a pair, and \x00 nul",
    "က" * 40_000,
    "",
)
NAMES = (
    "../../etc/passwd", "CON", 'a/b\\c:d*e?f"g<h>i|j', "x" * 300, "ကခဂ" * 100, "\u202egnp.exe", ".", "..", " ", "nul.txt",
    "A", "a", "-rf", "~", "#1", "[[x]]", "at://did:plc:abc/app.bsky.feed.post/3k", "https://e.example/?a=1&b=2#c",
    "a.", "a ",
)  # fmt: skip


def make_hostile(directory: Path) -> Exports:
    """Every nasty word as text, title, author, address, name and handle; every nasty name as a post's id and source."""
    with Archive(directory / "communique.db") as archive:
        migrate.ensure(archive, now=NOON)
        with archive.writing() as writer:
            declared = [states.Declared(name, "replay", (name,), name) for name in ("../up", NASTY[7])]
            states.declare(writer, declared, NOON)
        with archive.reading() as reader:
            sources = {source.name: source.id for source in states.list_sources(reader)}
        for name, source in sources.items():
            posts = [_post(number, name) for number in range(len(NAMES))]
            with archive.writing() as writer:
                saving.save(writer, source, Batch(tuple(posts)), now=NOON, method="replay", alerts=False)
    return Exports(directory)


def _post(number: int, source: str) -> FetchedPost:
    words = NASTY[number % len(NASTY)]
    return FetchedPost(
        NAMES[number],
        Raw(f"{source} {number}".encode(errors="replace"), "text/plain"),
        words,
        posted_at=None if number == 5 else NOON + number * 1_000_000,
        posted_raw=words[:50],
        title=words or None,
        author=words,
        url=f"http://e.example/{number}" if number % 2 else f"javascript:{words}",
        forward=Forward(words, words, words, words) if number % 3 == 0 else None,
        reply_to=NAMES[number - 1] if number else None,
        links=(Link(words, words or "x"), Link("self", f"http://e.example/{number}")),
        media=(FetchedMedia("document", f"k{number}", name=words or "x", mime=words[:40] or None, reason=words),),
    )
