"""A thousand pictures are queued for OCR: how much later does the alert about a text come on the same machine?

The real daemon, a loopback channel that is polled every second, a webhook. The delay of an alert is measured twice:
from publishing, which includes the wait for the next poll, and from the moment when the page with the post was served.
First without any picture, which is the floor, then while a thousand rendered pages wait for Tesseract.
"""

import argparse
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from bench._table import LOOPBACK
from bench.idle import megabytes_of, seconds_of
from bench.live import ServedWorld
from bot.world import World, run_in_thread
from bot.world.state import WorldFile
from tests import statements
from tests.desk import Desk, Sink, listening

PICTURES, ALERTS, ALBUM = 1_000, 40, 10
Latencies = tuple[list[float], list[float]]  # seconds from publishing, and from being served, to the alert
CONFIG = f"""{LOOPBACK}
[media]
keep_free = 0
[[sources]]
name = "office"
kind = "telegram_web"
channel = "office"
base_url = "{{world}}"
every = "1s"
recheck = []
[[sources]]
name = "gallery"
kind = "telegram_web"
channel = "gallery"
base_url = "{{world}}"
every = "5s"
recheck = []
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{{hook}}"
"""
READER = """
[[engines]]
name = "reader"
kind = "tesseract"
"""


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pictures", type=int, default=PICTURES)
    options.add_argument("--alerts", type=int, default=ALERTS, help="in each phase")
    chosen = options.parse_args(arguments)
    drawn = page()
    if isinstance(drawn, str):
        print(f"left out: {drawn}")
        return
    world = ServedWorld()
    world.open_channel("office", "The office")
    world.open_channel("gallery", "The gallery")
    with tempfile.TemporaryDirectory() as folder, run_in_thread(world) as address, listening() as sink:
        desk = Desk(Path(folder))
        desk.write(CONFIG.format(world=address, hook=sink.url) + READER)
        daemon = desk.start("run")
        try:
            until(lambda: "office is reached" in desk.said() and "gallery is reached" in desk.said())
            empty = alerts(world, sink, chosen.alerts)
            before = megabytes_of(daemon.pid)
            publish_pictures(world, drawn, chosen.pictures)
            until(lambda: count(desk, "SELECT count(*) FROM media WHERE state = 'stored'") == chosen.pictures)
            used, began = seconds_of(daemon.pid), time.monotonic()
            waited = waiting(desk)
            queued = alerts(world, sink, chosen.alerts)
            left = waiting(desk)
            share = (seconds_of(daemon.pid) - used) / (time.monotonic() - began)
            report(f"no pictures, {chosen.alerts} alerts", empty)
            report(f"{waited:,} to {left:,} pictures queued", queued)
            compare(empty, queued)
            print(
                f"pictures: {os.cpu_count()} cores; with the queue the daemon itself used {share:.0%} of one; "
                f"{before:.0f} MB before, {megabytes_of(daemon.pid):.0f} MB with the queue"
            )
            assert left > 0, "the queue was empty before the measurement ended: use more --pictures"
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)


def publish_pictures(world: World, drawn: bytes, pictures: int) -> None:
    """Publish so many pictures in albums, each with different content."""
    for number in range(0, pictures, ALBUM):
        names = [f"{number + place}.png" for place in range(min(ALBUM, pictures - number))]
        for name in names:
            world.keep_file(name, drawn + name.encode())
        world.publish("gallery", "", attachments=[WorldFile("photo", name) for name in names])


def page() -> bytes | str:
    """A page of a statement as PNG, or the reason why it cannot be drawn."""
    try:
        from tests import statement_pictures
    except ImportError:
        return "Pillow is missing; make setup-media brings it"
    from bot.contracts.engine import EngineTools, Never
    from bot.enrich.engines.tesseract import Settings, build

    try:
        build(Settings(name="bench", kind="tesseract"), EngineTools(Path("/nonexistent"))).ready()
    except Never as missing:
        return str(missing)
    if statement_pictures.font_file(statement_pictures.FONTS["en"][0]) is None:
        return f"no {statement_pictures.FONTS['en'][0]}; make setup-media brings it"
    out = BytesIO()
    statement_pictures.page(statements.ENGLISH.text.replace("Regional Command", "Garrison"), "en").save(out, "PNG")
    return out.getvalue()


def alerts(world: ServedWorld, sink: Sink, number: int) -> Latencies:
    """Publish so many texts, each just after a poll; seconds from publishing, and from being served, to the alert."""
    published, served = [], []
    for _ in range(number):
        asked = world.requests("office")
        until(lambda asked=asked: world.requests("office") > asked, pause=0.001)
        sink.heard.clear()
        began = time.monotonic()
        post = world.publish("office", f"The regional command was hit, {time.time_ns()}.")
        assert sink.heard.wait(60)
        came = time.monotonic()
        published.append(came - began)
        served.append(came - world.served["office", post])
    return published, served


def report(what: str, measured: Latencies) -> None:
    row = f"{what:30}"
    for name, seconds in zip(("published", "served"), measured, strict=True):
        worst = sorted(seconds)[int(len(seconds) * 0.9)]
        row += f"  {name} to received: median {statistics.median(seconds) * 1000:6.1f} ms, 90 % {worst * 1000:6.1f} ms"
    print(row, flush=True)


def compare(empty: Latencies, queued: Latencies) -> None:
    before, after = ([statistics.median(seconds) for seconds in measured] for measured in (empty, queued))
    ratios = [late / early for late, early in zip(after, before, strict=True)]
    print(
        f"pictures: a full queue delays a text alert by {(after[1] - before[1]) * 1000:+.1f} ms "
        f"(goal: nothing measurable); from publishing {ratios[0]:.2f} times, from serving {ratios[1]:.2f} times"
    )


def waiting(desk: Desk) -> int:
    return count(desk, "SELECT count(*) FROM jobs WHERE kind = 'ocr'")


def count(desk: Desk, statement: str) -> int:
    with desk.archive.reading() as reader:
        return int(reader.execute(statement).fetchone()[0])


def until(condition: Any, pause: float = 0.1, most: float = 300) -> None:
    ends = time.monotonic() + most
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(pause)


if __name__ == "__main__":
    main()
