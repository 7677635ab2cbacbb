"""How long reading a page of 20 posts takes, compared with a bare selectolax script that reads the same fields."""

import gc
from collections.abc import Iterator
from functools import partial

from selectolax.lexbor import LexborHTMLParser

from bench._lean import read_bare
from bench._table import Row, in_turn, ratio, run
from bot.sources.telegram_web.page import read_page
from bot.world.pages import list_page
from bot.world.state import Markup, World, WorldFile
from storage.records import Forward, Poll, Preview

LIMIT = 1.5
# A real block also draws the tail of its bubble, which the world's pages leave out.
PATH = (
    '<path class="border" fill="#ffffff" d="M0,0 '
    + "L1.234,5.678 C2.345,6.789 3.456,7.891 4.567,8.912 " * 6
    + 'Z"></path>'
)
TAIL = f'<i class="tgme_widget_message_bubble_tail"><svg width="9px" height="20px"><g>{PATH * 4}</g></svg></i>'
EMPTY_TAIL = '<i class="tgme_widget_message_bubble_tail"></i>'


def page(markup: Markup) -> bytes:
    """A page with 20 posts of all common kinds."""
    world = World()
    world.open_channel("bench", "A channel", markup=markup, first_id=50_000)
    words = (
        "The regional command said on Monday 🙂 that all is calm. More: https://example.org/?a=1&b=2 @bench #calm\n" * 4
    )
    for number in range(12):
        world.publish("bench", f"{number} {words}", author="A. Writer" if number % 3 else None)
    world.edit("bench", 50_003, words)
    world.publish("bench", words, attachments=[WorldFile("photo", "a.png")])
    world.publish("bench", words, attachments=[WorldFile("voice", "a.ogg", duration="0:04")])
    world.publish("bench", words, attachments=[WorldFile("document", None, "a.pdf", "1.2 MB")])
    world.publish("bench", words, attachments=[WorldFile("video", "a.mp4", duration="0:10")])
    world.publish("bench", words, forward=Forward("Other", None, "other", "7"))
    world.publish("bench", words, reply_to=50_001)
    world.publish("bench", poll=Poll("Which?", ("This", "That")))
    world.publish("bench", words, preview=Preview("https://example.org/", "Example", "Title", "Description"))
    return list_page(world.show_page("bench"), "https://t.me", 0).replace(EMPTY_TAIL, TAIL).encode()


def floor(html: bytes) -> list[dict[str, object]]:
    """The same fields with one selector each and no error handling."""
    tree = LexborHTMLParser(html)
    tree.css_first(".tgme_channel_info_header_title")
    tree.css_first(".tgme_channel_info_header_username")
    tree.css_first("a.tme_messages_more")
    return [read_bare(message) for message in tree.css("div.tgme_widget_message")]


def rows(quick: bool) -> Iterator[Row]:
    gc.disable()
    markups: tuple[Markup, ...] = ("2023", "2026")
    for markup in markups:
        html = page(markup)
        assert len(read_page(html).posts) == len(floor(html)) == 20
        ours, bare = in_turn(partial(read_page, html), partial(floor, html), rounds=40 if quick else 200)
        yield ratio(f"parse a page, markup of {markup}", ours, bare, goal=LIMIT)


if __name__ == "__main__":
    run(rows, __doc__)
