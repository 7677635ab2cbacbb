"""Pictures through the whole line: the same bytes and the same look are one event, and a bomb costs nothing but itself."""

import struct
import zlib

import pytest

from bot.world import World, run_in_thread
from bot.world.state import WorldFile
from tests.desk import Desk
from tests.events.test_pictures import COPIES, photo, saved
from tests.integration.scene import HEAD

pytest.importorskip("PIL", reason="Pillow is missing; make setup-media brings it")
SOURCE = """\
[[sources]]
name = "{name}"
kind = "telegram_web"
channel = "{name}"
base_url = "{world}"
media = ["photo"]
"""


def bomb() -> bytes:
    """A valid picture of 25,000 x 25,000 pixels in a few kilobytes."""
    header = struct.pack(">IIBBBBB", 25_000, 25_000, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(3_126) * 25_000, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def test_a_picture_that_others_upload_again_is_one_event_and_a_bomb_is_none(desk: Desk) -> None:
    shown = {
        "first": saved(photo(1)),
        "equal": saved(photo(1)),
        "smaller": COPIES["made smaller"](photo(1)),
        "other": saved(photo(2)),
        "bomb": bomb(),
    }
    world = World()
    for name, content in shown.items():
        world.open_channel(name, name)
        world.keep_file(f"{name}.png", content)
        world.publish(name, attachments=(WorldFile("photo", f"{name}.png"),))
    with run_in_thread(world) as address:
        head = HEAD.format(world=address)
        desk.write(head + "".join(SOURCE.format(name=name, world=address) for name in shown))
        desk.run("run", "--once", within_s=300)
    with desk.archive.reading() as reader:
        rows = reader.execute(
            "SELECT s.name, b.event_id, b.reason, m.state FROM event_posts b JOIN posts p ON p.id = b.post_id"
            " JOIN sources s ON s.id = p.source_id JOIN media m ON m.post_id = p.id"
        ).fetchall()
    events: dict[int, set[str]] = {}
    for name, event, _, _ in rows:
        events.setdefault(event, set()).add(name)
    assert sorted(map(sorted, events.values())) == [["bomb"], ["equal", "first", "smaller"], ["other"]]
    assert {reason for _, _, reason, _ in rows} == {"first", "file", "picture"}
    assert {state for *_, state in rows} == {"stored"}
