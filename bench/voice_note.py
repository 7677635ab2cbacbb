"""A voice note of half a minute: how long does it take from the stored file to the alert about its words?

The real daemon, a loopback channel, Whisper base on one core, a webhook. espeak-ng speaks the note. The floor is the
same engine with the same note in its child process, without the daemon.
"""

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.idle import megabytes_of
from bench.pictures import CONFIG, READER, count, page, publish_pictures, until
from bench.speech import duration
from bot.contracts.engine import EngineTools, MediaFile
from bot.enrich import engines
from bot.enrich.engines.faster_whisper import Settings
from bot.enrich.sandbox.run import Sandbox
from bot.http import HttpRules
from bot.world import World, run_in_thread
from bot.world.state import WorldFile
from tests import speech_model, statements, voice_notes
from tests.desk import Desk, Sink, listening

MOST, NOTES, LENGTH, PICTURES = 15.0, 5, 30.0, 200
EARS = """
[[engines]]
name = "ears"
kind = "faster_whisper"
model = "{model}"
"""


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--notes", type=int, default=NOTES)
    options.add_argument("--model", type=Path, default=speech_model.found())
    chosen = options.parse_args(arguments)
    missing = voice_notes.missing() or (speech_model.MISSING if chosen.model is None else None)
    if missing:
        print(f"left out: {missing}")
        return
    world = World()
    world.open_channel("office", "The office")
    world.open_channel("gallery", "The gallery")
    drawn = page()
    with tempfile.TemporaryDirectory() as folder, run_in_thread(world) as address, listening() as sink:
        note = half_a_minute(Path(folder))
        floor = alone(note, chosen.model, Path(folder))
        print(f"voice note: a note of {duration(note):.1f} s, {os.cpu_count()} cores; the engine alone {floor:.1f} s")
        desk = Desk(Path(folder))
        config = CONFIG.format(world=address, hook=sink.url) + EARS.format(model=chosen.model)
        desk.write(config if isinstance(drawn, str) else config + READER)
        daemon = desk.start("run")
        try:
            until(lambda: "office is reached" in desk.said() and "gallery is reached" in desk.said())
            before = megabytes_of(daemon.pid)
            took = seconds_to_alert(world, sink, desk, note, range(chosen.notes))
            report("from the stored file to the alert", took, floor)
            time.sleep(2)
            after = megabytes_of(daemon.pid)
            print(f"voice note: the daemon {before:.0f} MB before the first note, {after:.0f} MB after")
            if isinstance(drawn, str):
                print(f"left out, notes with pictures queued: {drawn}")
                return
            publish_pictures(world, drawn, PICTURES)
            until(
                lambda: count(desk, "SELECT count(*) FROM media WHERE kind = 'photo' AND state = 'stored'") == PICTURES
            )
            took = seconds_to_alert(world, sink, desk, note, range(chosen.notes, 2 * chosen.notes))
            report(f"the same while {PICTURES} pictures are queued", took, floor)
            assert count(desk, "SELECT count(*) FROM jobs WHERE kind = 'ocr'"), "the pictures were read too early"
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(60)


def seconds_to_alert(world: World, sink: Sink, desk: Desk, note: Path, numbers: Sequence[int]) -> list[float]:
    """Publish the note once per number; seconds from the stored file to the alert about its words."""
    took = []
    for number in numbers:
        sink.heard.clear()
        world.keep_file(f"note-{number}.ogg", note.read_bytes())
        world.publish("office", "", attachments=[WorldFile("voice", f"note-{number}.ogg", duration="0:30")])
        assert sink.heard.wait(120), "no alert about the note"
        took.append(time.time() - count(desk, "SELECT max(stored_at) FROM media WHERE kind = 'voice'") / 1_000_000)
    return took


def report(what: str, took: Sequence[float], floor: float) -> None:
    median = sorted(took)[len(took) // 2]
    spread = f"median {median:.1f} s, worst of {len(took)} {max(took):.1f} s (goal <= {MOST:g})"
    print(f"voice note: {what}: {spread}, {median / floor:.2f} times the engine alone", flush=True)


def half_a_minute(folder: Path) -> Path:
    """Speak the long statement twice and cut it at 30 s."""
    text = statements.SPOKEN[1]
    return voice_notes.speak(f"{text} {text}", folder / "note.ogg", seconds=LENGTH)


def alone(note: Path, weights: Path, folder: Path) -> float:
    """Seconds that the engine needs for the note in its child process."""
    (folder / "alone").mkdir()
    settings = Settings(name="ears", kind="faster_whisper", model=weights)
    engine = engines.build(settings, EngineTools(folder))
    sandbox = Sandbox(folder / "alone", HttpRules("bench"))
    began = time.monotonic()
    asyncio.run(sandbox.run(engine, MediaFile(note, "voice", "audio/ogg", note.stat().st_size)))
    return time.monotonic() - began


if __name__ == "__main__":
    main()
