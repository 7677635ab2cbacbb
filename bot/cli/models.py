"""`communique models`: the engines of the config, each tried on a clip of ours, and which suits which language."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from bot.cli.output import Form, Session, formats, line, say, styled, table, write_json
from bot.errors import CommuniqueError
from bot.foreign import one_line

if TYPE_CHECKING:
    from bot.config.model import Config
    from bot.enrich import Engine
    from bot.enrich._contract import EnrichResult

State = Literal["works", "ready", "missing", "fails", "doubtful"]
_CLIPS = {"transcript": ("trial.ogg", "voice"), "ocr": ("trial.png", "photo")}
_LANGUAGES = (
    ("English", "faster_whisper, Whisper base or larger", "tesseract: eng", "measured: see make bench"),
    (
        "Burmese",
        "openai to a GPU with Omnilingual ASR or a Whisper tuned for Burmese; without one sherpa_onnx, Omnilingual CTC",
        "tesseract: mya",
        "stock Whisper of any size, hosted too, does not hear Burmese: it writes words that nobody said",
    ),
    ("Shan, Kachin", "openai or sherpa_onnx with Omnilingual ASR", "tesseract: mya, eng", "published figures only"),
    ("Chinese", "openai or faster_whisper, Whisper large-v3 or turbo", "tesseract: chi_sim, or rapidocr", ""),
    ("Thai", "openai or faster_whisper, Whisper large-v3 or turbo", "tesseract: tha", ""),
)


@dataclass(frozen=True, slots=True)
class Tried:
    """One engine of the config and how it stands; `heard` is what it made of our clip, in `seconds`."""

    name: str
    kind: str
    makes: str
    scope: tuple[str, ...]
    state: State
    why: str = ""
    heard: str = ""
    seconds: float | None = None


@click.command("models")
@click.option("--no-try", is_flag=True, help="Only look whether programs, packages and models are there.")
@formats(streams=False)
@click.pass_obj
def command(session: Session, no_try: bool, form: Form | None) -> None:
    """List the engines of the config, try each on a clip of ours, and say which suits which language.

    A remote engine is sent the clip. Exit 1 if one does not work.
    """
    config = session.config()
    found = [_tried(config, engine, tries=not no_try) for engine in _engines(config)]
    if form is not None:
        write_json(session, [asdict(one) for one in found])
    else:
        _show(session, found)
    if any(one.state in ("missing", "fails") for one in found):
        raise SystemExit(1)


def _engines(config: "Config") -> "list[Engine]":
    from bot import enrich

    nowhere = enrich.Surroundings(Path("/nonexistent"))  # each reads in a child process, which has its own
    return [enrich.build(settings, nowhere) for settings in config.engines]


def _tried(config: "Config", engine: "Engine", *, tries: bool) -> Tried:
    from bot.enrich._run import Failed

    settings = engine.settings
    told = (settings.name, settings.kind, engine.makes, (*settings.sources, *(f"tag {tag}" for tag in settings.tags)))
    try:
        engine.ready()
    except CommuniqueError as problem:
        return Tried(*told, "missing", str(problem))
    if not tries:
        return Tried(*told, "ready")
    began = time.monotonic()
    try:
        result = asyncio.run(_read(config, engine))
    except (CommuniqueError, Failed) as problem:
        return Tried(*told, "fails", str(problem))
    seconds = round(time.monotonic() - began, 1)
    state, why = _judged(engine, result)
    return Tried(*told, state, why, result.text, seconds)


async def _read(config: "Config", engine: "Engine") -> "EnrichResult":
    """As the daemon has it read: in a child process, within its bounds."""
    from bot import enrich
    from bot.enrich._contract import Media
    from bot.enrich._run import Workshop
    from storage.mime import HEAD, sniff

    name, kind = _CLIPS[engine.makes]
    clip = Path(enrich.__file__).with_name(name)
    data = clip.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), config.http_rules())
        return await workshop.run(engine, Media(clip, kind, sniff(data[:HEAD]), len(data)))  # type: ignore[arg-type]  # of _CLIPS


def _judged(engine: "Engine", result: "EnrichResult") -> tuple[State, str]:
    """Whether it found the words that the clip holds. English and Burmese only: another model may be right not to."""
    from storage.language.fold import fold

    text = f" {fold(result.text)} "
    wanted = ("regional command", "တိုင်းစစ်ဌာနချုပ်") if engine.makes == "ocr" else ("regional command",)
    if result.unreliable:
        return "doubtful", "it does not trust its own words on an English clip"
    if not any(f" {fold(words)} " in text for words in wanted):
        return "doubtful", "it did not find the words of an English clip; a model for another language need not"
    return "works", ""


def _show(session: Session, found: Sequence[Tried]) -> None:
    for one in found:
        colour = {"works": "green", "ready": "green", "doubtful": "yellow"}.get(one.state, "red")
        scope = f" for {', '.join(one.scope)}" if one.scope else ""
        took = f" in {one.seconds:g} s" if one.seconds is not None else ""
        state = styled(session, f"{one.state:<8}", colour)  # type: ignore[arg-type]  # one of three styles
        why = f": {one.why}" if one.why else ""
        line(session, f"{state}  {one.name} ({one.kind}, {one.makes}{scope}){took}{one_line(why)}")
        if one.heard:
            line(session, f"          {one_line(one.heard)}")
    if not found:
        say(session, "No engine is configured: recordings and pictures are kept, and nobody hears or reads them.")
    line(session)
    table(session, ("language", "recordings", "pictures", "remark"), _LANGUAGES)
