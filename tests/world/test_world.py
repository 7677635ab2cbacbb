import asyncio
import gzip
import http.client
import socket
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from bot.clock import Clock
from bot.errors import UserError
from bot.sources.telegram_web.page import read_embed, read_page
from bot.world import Faults, World, WorldFile, WorldServer, run_in_thread
from bot.world.story import DESK, FEED, GROUP, OFFICE, beats, begin, play
from storage.records import Seen


@pytest.fixture
def world() -> World:
    world = World()
    world.open_channel("desk", "Desk")
    return world


@pytest.fixture
def site(world: World) -> Iterator[str]:
    with run_in_thread(world) as address:
        yield address


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as reply:
        return bytes(reply.read())


def fill(world: World, count: int) -> None:
    for number in range(count):
        world.publish("desk", f"Post number {number}")


def test_pages_hold_twenty_message_ids_and_lead_to_the_beginning(world: World, site: str) -> None:
    fill(world, 30)
    world.publish("desk", "album", attachments=[WorldFile("photo", "a.png")] * 3)  # ids 32 to 34
    fill(world, 5)
    newest = read_page(get(f"{site}/s/desk"))
    assert (newest.span, len(newest.posts), newest.older) == (Seen(20, 39), 18, 20)
    older = read_page(get(f"{site}/s/desk?before=20"))
    assert (older.span, older.older) == (Seen(1, 19), None)
    assert read_page(get(f"{site}/s/desk?after=3")).span == Seen(4, 23)
    assert read_page(get(f"{site}/s/desk?before=1")).nothing_found


def test_the_world_knows_what_it_has_shown_and_in_which_words(world: World, site: str) -> None:
    fill(world, 30)
    assert world.shown("desk") == frozenset()
    get(f"{site}/s/desk")
    assert world.shown("desk") == frozenset(range(12, 32))
    get(f"{site}/desk/3?embed=1&mode=tme")
    world.edit("desk", 31, "other words")
    world.delete("desk", 30)
    get(f"{site}/s/desk")
    assert world.shown("desk") == frozenset({3, *range(11, 32)})
    assert world.shown_texts("desk", 31) == ("Post number 29", "other words")
    assert 30 not in world.visible("desk")


def test_a_deleted_post_is_gone_from_its_page_and_its_id_is_not_used_again(world: World, site: str) -> None:
    fill(world, 1)
    world.delete("desk", 2)
    assert read_embed(get(f"{site}/desk/2?embed=1&mode=tme")).not_found
    assert world.publish("desk", "next") == 3


def test_a_forward_names_its_origin(world: World, site: str) -> None:
    world.open_channel("other", "Other")
    fill(world, 1)
    forwarded = read_embed(get(f"{site}/other/{world.forward('other', 'desk', 2)}?embed=1")).post
    assert forwarded is not None
    assert forwarded.forward is not None
    assert (forwarded.forward.name, forwarded.forward.source, forwarded.forward.post) == ("Desk", "desk", "2")


def test_the_faults_of_a_channel_come_and_go(world: World, site: str) -> None:
    fill(world, 3)
    world.set_faults("desk", Faults(throttled=1))
    assert read_page(get(f"{site}/s/desk")).nothing_found
    assert len(read_page(get(f"{site}/s/desk")).posts) == 4
    world.set_faults("desk", Faults(preview_off=True))
    with urllib.request.urlopen(f"{site}/s/desk", timeout=60) as reply:
        assert urlsplit(reply.url).path == "/desk"
    world.set_faults("desk", Faults(moved_to=77))
    assert read_page(get(f"{site}/s/desk")).channel_id == "77"
    world.set_faults("desk", Faults(status=503, retry_after=9))
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{site}/s/desk")
    assert (refused.value.code, refused.value.headers["Retry-After"]) == (503, "9")
    refused.value.close()
    world.set_faults("desk", Faults(slow=0.05))
    assert len(read_page(get(f"{site}/s/desk")).posts) == 4
    assert world.requests("desk") == 6


def test_a_channel_that_hangs_holds_up_no_other_and_the_world_still_ends(world: World) -> None:
    world.open_channel("other", "Other")
    world.set_faults("desk", Faults(hang=True))

    async def visit() -> bytes:
        async with WorldServer(world) as server:
            hanging = asyncio.create_task(asyncio.to_thread(get, f"{server.base_url}/s/desk"))
            page = await asyncio.to_thread(get, f"{server.base_url}/s/other")
        with pytest.raises((OSError, http.client.HTTPException)):
            await hanging
        return page

    assert read_page(asyncio.run(visit())).is_preview


def test_a_world_that_ends_while_somebody_connects_leaves_nothing_open(world: World) -> None:
    async def knock(turns: int) -> None:
        async with WorldServer(world) as server:
            address = urlsplit(server.base_url)
            doors = [socket.create_connection((address.hostname, address.port)) for _ in range(3)]
            for _ in range(turns):
                await asyncio.sleep(0)
        for door in doors:
            door.close()

    for turns in range(6):  # an unclosed socket is a failure of the test in which it is left
        asyncio.run(knock(turns))


def test_one_connection_carries_many_requests_and_gzip_is_only_sent_to_who_asks(site: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(site).netloc, timeout=60)
    connection.request("GET", "/s/desk", headers={"Accept-Encoding": "gzip"})
    packed = connection.getresponse()
    body = gzip.decompress(packed.read())
    connection.request("GET", "/s/desk", headers={"Connection": "close"})
    plain = connection.getresponse()
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert len(read_page(body).posts) == len(read_page(plain.read()).posts) == 1
    connection.close()


def test_files_are_a_valid_picture_and_a_valid_voice_note(site: str) -> None:
    picture = get(f"{site}/file/a.png")
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    data = picture[picture.index(b"IDAT") + 4 :]
    assert len(zlib.decompressobj().decompress(data)) == 32 * (1 + 3 * 48)
    voice = get(f"{site}/file/v.ogg?token=x")
    assert voice.startswith(b"OggS")
    assert voice[28:36] == b"OpusHead"
    assert len(voice) < 2048


def test_a_feed_is_not_sent_twice_to_who_has_it(world: World, site: str) -> None:
    world.open_feed("news", "News & more")
    world.write("news", "First", "Words <b>")
    with urllib.request.urlopen(f"{site}/feed/news.atom", timeout=60) as reply:
        assert b"Words &lt;b&gt;" in reply.read()
        tag = reply.headers["ETag"]
    asked = urllib.request.Request(f"{site}/feed/news.atom", headers={"If-None-Match": tag})
    with pytest.raises(urllib.error.HTTPError) as unchanged:
        urllib.request.urlopen(asked, timeout=60)
    assert unchanged.value.code == 304
    unchanged.value.close()
    world.write("news", "Second", "More")
    with urllib.request.urlopen(asked, timeout=60) as reply:
        assert b"Second" in reply.read()


def test_an_unknown_channel_is_a_mistake_in_the_program_and_a_redirect_on_the_web(world: World, site: str) -> None:
    with pytest.raises(UserError, match="no channel 'nobody'"):
        world.publish("nobody", "words")
    with urllib.request.urlopen(f"{site}/s/nobody", timeout=60) as reply:
        assert urlsplit(reply.url).path == "/nobody"


def test_the_story_claims_admits_forwards_takes_back_and_deletes() -> None:
    world = World()
    begin(world)
    past = {handle: world.visible(handle) for handle in (GROUP, OFFICE, DESK)}
    assert all(15 <= len(ids) <= 30 for ids in past.values())
    story = beats()
    assert max(beat.at for beat in story) <= 25
    asyncio.run(play(world, story, pace=1e6))
    for handle in past:
        world.show_page(handle)
    new = {handle: sorted(world.visible(handle) - past[handle]) for handle in past}
    claim, burmese = (world.channel(GROUP).messages[number] for number in new[GROUP])
    voice, softened = (world.channel(OFFICE).messages[number] for number in new[OFFICE])
    forwarded = world.channel(DESK).messages[new[DESK][0]]
    assert "regional command" in claim.text
    assert [file.kind for file in claim.attachments] == ["photo"]
    assert "တိုင်းစစ်ဌာနချုပ်" in burmese.text
    assert [file.kind for file in voice.attachments] == ["voice"]
    assert (softened.edited, "regional command" in softened.text) == (True, False)
    assert forwarded.forward is not None
    assert forwarded.forward.post == str(claim.id)
    assert any("တိုင်းစစ်ဌာနချုပ်" in world.channel(DESK).messages[number].text for number in new[DESK])
    feed = world.feed(FEED)
    assert feed is not None
    assert "command" in feed[1][0].text


def test_the_past_of_the_story_lies_before_the_clock_of_the_world() -> None:
    now = 1_790_000_000_000_000
    world = World(Clock(now=lambda: now))
    begin(world)
    times = [message.at for handle in (GROUP, OFFICE, DESK) for message in world.channel(handle).messages.values()]
    assert max(times) <= now
    assert min(times) > now - 8 * 24 * 3_600_000_000
