"""A fast page server like t.me on loopback, and a webhook that counts: one process, so that its time is not ours.

20 posts a page, about 6 kB of markup a post, gzip; all pages are made before it says its address.

usage: python -m bench._pages CHANNELS POSTS
"""

# ruff: noqa: E501 - the markup is as long as it is there

import asyncio
import base64
import gzip
import html
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from bench._texts import vocabulary

ON_A_PAGE = 20
_NEWEST = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
_PATH = (
    '<path class="border" fill="#ffffff" d="M0,0 ' + "L1.234,5.678 C2.345,6.789 3.456,7.891 4.567,8.912 " * 6 + 'Z"/>'
)
_TAIL = f'<i class="tgme_widget_message_bubble_tail"><svg width="9px" height="20px"><g>{_PATH * 4}</g></svg></i>'
_BLOCK = """
<div class="tgme_widget_message_wrap js-widget_message_wrap">
<div class="tgme_widget_message text_not_supported_wrap js-widget_message" data-post="{name}/{number}" data-view="{view}">
<div class="tgme_widget_message_user"><a href="https://t.me/{name}"><i class="tgme_widget_message_user_photo bgcolor3"></i></a></div>
<div class="tgme_widget_message_bubble">{tail}
<div class="tgme_widget_message_author accent_color"><a class="tgme_widget_message_owner_name" href="https://t.me/{name}"><span dir="auto">{name}</span></a></div>
<div class="tgme_widget_message_text js-message_text" dir="auto">{text}</div>
<div class="tgme_widget_message_footer compact js-message_footer"><div class="tgme_widget_message_info short js-message_info">
<span class="tgme_widget_message_views">1.2K</span><span class="copyonly"> views</span>
<span class="tgme_widget_message_meta"><a class="tgme_widget_message_date" href="https://t.me/{name}/{number}"><time datetime="{when}" class="time">00:00</time></a></span>
</div></div></div></div></div>"""
_HEAD = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>{name}</title><link rel="canonical" href="/s/{name}"></head><body>
<div class="tgme_channel_info"><div class="tgme_channel_info_header"><div class="tgme_channel_info_header_title_wrap">
<div class="tgme_channel_info_header_title"><span dir="auto">{name}</span></div></div>
<div class="tgme_channel_info_header_username"><a href="https://t.me/{name}">@{name}</a></div></div></div>
<main class="tgme_main" data-url="/{name}"><section class="tgme_channel_history js-message_history">"""
_MORE = """<div class="tgme_widget_message_centered js-messages_more_wrap">
<a href="/s/{name}?before={first}" class="tme_messages_more js-messages_more" data-before="{first}"></a></div>"""


class Pages:
    """Every page of every channel by its address, and how often the webhook was called."""

    def __init__(self, channels: int, posts: int) -> None:
        self.hooks = 0
        self.pages: dict[tuple[str, int | None], bytes] = {}
        chance, words = random.Random(5), vocabulary()
        pool = [words.post(600) for _ in range(4_000)]  # two of five posts say what another one said, but for a number
        for channel in range(channels):
            name = f"channel{channel:04}"
            said = [f"{chance.choice(pool)} {channel}x{number}" for number in range(posts)]
            times = [_NEWEST - ((posts - number) * channels + channel) * 60 for number in range(posts)]
            for last in range(posts, 0, -ON_A_PAGE):
                page = gzip.compress(self._page(name, said, times, last).encode(), 1)
                self.pages[name, None if last == posts else last + 1] = page

    @staticmethod
    def _page(name: str, said: list[str], times: list[float], last: int) -> str:
        first = max(last - ON_A_PAGE, 0)
        blocks = [
            _BLOCK.format(
                name=name,
                number=number + 1,
                view=base64.urlsafe_b64encode(json.dumps({"c": -1000000001, "p": number + 1}).encode()).decode(),
                tail=_TAIL,
                text=html.escape(said[number]),
                when=datetime.fromtimestamp(times[number], UTC).isoformat(),
            )
            for number in range(first, last)
        ]
        more = _MORE.format(name=name, first=first + 1) if first else ""
        return f"{_HEAD.format(name=name)}{more}{''.join(blocks)}</section></main></body></html>"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                target = urlsplit(head.split(" ", 2)[1])
                _, _, length = head.partition("content-length:")
                if length:
                    await reader.readexactly(int(length.partition("\r\n")[0]))
                before = parse_qs(target.query).get("before")
                page = self.pages.get((target.path.removeprefix("/s/"), int(before[0]) if before else None))
                if target.path == "/hook":
                    self.hooks += 1
                    page = b""
                elif target.path == "/hooks":
                    page = str(self.hooks).encode()
                status = "404 Not Found" if page is None else "200 OK"
                kind = (
                    "text/html; charset=utf-8\r\ncontent-encoding: gzip"
                    if page and "/s/" in target.path
                    else "text/plain"
                )
                page = page or b""
                said = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(page)}\r\n\r\n"
                writer.write(said.encode() + page)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve(self) -> None:
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0, limit=1 << 22)
        print(server.sockets[0].getsockname()[1], flush=True)
        async with server:
            await server.serve_forever()


@contextmanager
def serving(channels: int, posts: int) -> Iterator[str]:
    """The address of such a server while it runs."""
    command = [sys.executable, "-m", "bench._pages", str(channels), str(posts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


if __name__ == "__main__":
    asyncio.run(Pages(*map(int, sys.argv[1:])).serve())
