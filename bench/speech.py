"""Spoken statements transcribed by the local engine: word error rate, real-time factor and memory per voice.

Word error treats digits and number words as equal and ignores differences that folding removes. One recording, one
process, one core, as in the worker: the times include the start of the process and loading the model. They are
processor times, so other work on the machine does not count.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from storage.language.fold import CLOSED, fold
from tests import speech_model, statements, voice_notes

MOST_ERROR, MOST_FACTOR, MOST_MEMORY = 0.10, 0.30, 500
VOICES = (("en-us", None), ("en-gb", None), ("en-us", -38.0))
_NUMBERS = {"nine hundred": "900", "four": "4", "fourteen": "14"}


def words(text: str) -> list[str]:
    """The folded words, numbers as digits, without what is between them."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower())
    for written, digits in _NUMBERS.items():
        text = re.sub(rf"\b{written}\b", digits, text)
    return [word.rstrip("+'-") for word in fold(text).split(CLOSED)[0].split() if word not in "+'-"]


def error(said: str, heard: str) -> float:
    """Edits per word of what was said."""
    wanted, found = words(said), words(heard)
    last = list(range(len(found) + 1))
    for row, word in enumerate(wanted, 1):
        line = [row]
        for column, other in enumerate(found, 1):
            line.append(min(last[column] + 1, line[-1] + 1, last[column - 1] + (word != other)))
        last = line
    return last[-1] / len(wanted)


def child(path: str, weights: str, hot: str) -> None:
    """Transcribe one recording and print the result, with the memory used in MB."""
    from bot.contracts.engine import EngineTools, MediaFile
    from bot.enrich.engines.faster_whisper import Settings, build

    place = Path(path)
    engine = build(Settings(name="bench", kind="faster_whisper", model=Path(weights)), EngineTools(place.parent))
    hotwords = tuple(filter(None, hot.split("|")))
    found = engine.read(MediaFile(place, "voice", "audio/ogg", place.stat().st_size, hotwords=hotwords))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(json.dumps([found.text, found.unreliable, found.confidence, memory]))


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--child", nargs=3)
    options.add_argument("--model", type=Path, default=speech_model.found())
    options.add_argument("--texts", action="store_true", help="print the transcripts")
    chosen = options.parse_args(arguments)
    if chosen.child:
        child(*chosen.child)
        return
    missing = voice_notes.missing() or (speech_model.MISSING if chosen.model is None else None)
    if missing:
        print(f"left out: {missing}")
        return
    print(f"{'voice':8}{'noise':>8}{'hot words':>11}{'length':>8}{'WER':>7}{'RTF':>6}{'sure':>6}{'MB':>5}")
    totals: dict[str, list[float]] = {"yes": [], "no": []}
    factors, memories = [], []
    with tempfile.TemporaryDirectory() as folder:
        for voice, noise in VOICES:
            for number, said in enumerate(statements.SPOKEN):
                path = voice_notes.speak(said, Path(folder) / f"{number}.ogg", voice=voice, noise=noise)
                for hot in ("no", "yes"):
                    began = busy()
                    given = "|".join(statements.HOT_WORDS) if hot == "yes" else ""
                    command = [sys.executable, "-m", "bench.speech", "--child", str(path), str(chosen.model), given]
                    printed = subprocess.run(command, check=True, capture_output=True, preexec_fn=one_core).stdout
                    took = busy() - began
                    heard, unreliable, sure, memory = json.loads(printed)
                    length = duration(path)
                    wrong = error(said, heard)
                    totals[hot].append(wrong)
                    factors.append(took / length)
                    memories.append(memory)
                    mark = " unreliable" if unreliable else ""
                    noisy = f"{noise:g} dB" if noise else "none"
                    row = f"{length:7.1f}s{wrong:7.3f}{took / length:6.2f}{sure:6.2f}{memory:5}{mark}"
                    print(f"{voice:8}{noisy:>8}{hot:>11}{row}", flush=True)
                    if chosen.texts:
                        print(f"    {heard}")
    mean = {hot: sum(found) / len(found) for hot, found in totals.items()}
    print(f"speech: mean WER with hot words {mean['yes']:.3f} (goal <= {MOST_ERROR}), without {mean['no']:.3f}")
    longer = [factor for index, factor in enumerate(factors) if index // 2 % len(statements.SPOKEN)]
    print(
        f"speech: RTF of the long note, one core, process and model loading included: worst {max(longer):.2f}", end=""
    )
    print(f" (goal <= {MOST_FACTOR}); peak {max(memories)} MB (goal <= {MOST_MEMORY})")


def busy() -> float:
    """Processor seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def duration(path: Path) -> float:
    show = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)]
    return float(subprocess.run(show, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()
