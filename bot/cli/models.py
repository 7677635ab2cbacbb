"""`communique models`: tries each engine of the config on a sample, and shows which suits which language."""

import asyncio
import shutil
import tempfile
import textwrap
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from bot.cli.sandbox import SANDBOX_FIX, describe_leaks
from bot.cli.terminal.output import Form, Session, format_options, say, style, write_json, write_line
from bot.cli.terminal.table import write_table
from bot.errors import CommuniqueError
from bot.foreign.text import one_line
from storage.frozen import dataclass

if TYPE_CHECKING:
    from bot.config.model import Config
    from bot.contracts.engine import Engine, EnrichResult

State = Literal["works", "ready", "missing", "fails", "doubtful"]
_CLIPS = {"transcript": ("trial.ogg", "voice"), "ocr": ("trial.png", "photo")}
_TO_TRANSLATE = {"my": "တိုင်းစစ်ဌာနချုပ် ကျဆုံးသွားပြီ။", "en": "The regional command has fallen."}
_LANGUAGES = (
    ("English", "faster_whisper: base or larger", "tesseract: eng"),
    ("Burmese", "openai: Omnilingual, tuned Whisper", "tesseract: mya"),
    ("", "no GPU, sherpa_onnx: Omnilingual", ""),
    ("Shan, Kachin", "openai, sherpa_onnx: Omnilingual", "tesseract: mya, eng"),
    ("Chinese", "faster_whisper, openai: large-v3", "rapidocr; tesseract: chi_sim"),
    ("Thai", "faster_whisper, openai: large-v3", "tesseract: tha"),
)
_REMARKS = (
    "Stock Whisper of any size, hosted too, cannot transcribe Burmese: it writes words that were never spoken. "
    "A Whisper tuned for Burmese can, and so can Omnilingual ASR, which knows Shan and Kachin as well.\n"
    "Measured by us (make bench): English, and tesseract on all but Shan and Kachin. The rest is from the makers."
)
_INDENT = " " * 10


@dataclass(frozen=True, slots=True)
class Tried:
    """One engine of the config and its state; `heard` is the text that it made of the sample, in `seconds`."""

    name: str
    kind: str
    makes: str
    scope: tuple[str, ...]
    state: State
    why: str = ""
    heard: str = ""
    seconds: float | None = None


@click.command("models")
@click.option("--no-try", is_flag=True, help="Only check that programs, packages and models exist.")
@format_options(streams=False)
@click.pass_obj
def command(session: Session, no_try: bool, form: Form | None) -> None:
    """Try each engine of the config on a sample, and show which engine suits which language.

    The sample is sent to remote engines. Exit 1 if one does not work.
    """
    config = session.config()
    found = [_try_engine(config, engine, tries=not no_try) for engine in _build_engines(config)]
    if form is not None:
        write_json(session, [asdict(one) for one in found])
    else:
        _show(session, found)
    if any(one.state in ("missing", "fails") for one in found):
        raise SystemExit(1)


def _build_engines(config: "Config") -> "list[Engine]":
    from bot.contracts.engine import EngineTools
    from bot.enrich import engines

    nowhere = EngineTools(Path("/nonexistent"))  # each reads in a child process, which has its own
    return [engines.build(settings, nowhere) for settings in config.engines]


def _find_weakness(config: "Config", engine: "Engine") -> str:
    """What the languages of the sources in its scope speak against; empty where nothing does."""
    spoken = {
        code
        for source in config.sources
        if engine.settings.covers(source.name, source.tags)
        for code in source.languages
    }
    weak = sorted(spoken & engine.settings.weak_languages)
    return f"for {', '.join(weak)} it needs a model tuned for it" if weak else ""


def _try_engine(config: "Config", engine: "Engine", *, tries: bool) -> Tried:
    from bot.enrich.sandbox.run import Failed

    settings = engine.settings
    about = (settings.name, settings.kind, engine.makes, (*settings.sources, *(f"tag {tag}" for tag in settings.tags)))
    try:
        engine.ready()
    except CommuniqueError as problem:
        return Tried(*about, "missing", str(problem))
    if not tries:
        return Tried(*about, "ready", _find_weakness(config, engine))
    began = time.monotonic()
    try:
        result = asyncio.run(_read(config, engine))
    except (CommuniqueError, Failed) as problem:
        return Tried(*about, "fails", str(problem))
    seconds = round(time.monotonic() - began, 1)
    state, why = _judge(engine, result)
    return Tried(*about, state, why or _find_weakness(config, engine), result.text, seconds)


async def _read(config: "Config", engine: "Engine") -> "EnrichResult":
    """Run the engine as the daemon does: in a child process, within its bounds."""
    from bot.contracts.engine import MediaFile
    from bot.enrich import engines
    from bot.enrich.sandbox.run import Sandbox
    from storage.media.types import HEAD, sniff

    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder), config.http_rules(), config.hidden())
        if engine.makes == "translation":
            language = _trial_language(engine)
            clip = Path(folder) / "words"
            clip.write_text(_TO_TRANSLATE[language], encoding="utf-8")
            words = MediaFile(clip, "document", "text/plain", clip.stat().st_size, languages=(language,))
            return await sandbox.run(engine, words)
        name, kind = _CLIPS[engine.makes]
        clip = Path(engines.__file__).with_name(name)
        data = clip.read_bytes()
        return await sandbox.run(engine, MediaFile(clip, kind, sniff(data[:HEAD]), len(data)))  # type: ignore[arg-type]  # of _CLIPS


def _trial_language(engine: "Engine") -> str:
    """The language of the sample for a translator."""
    return "en" if getattr(engine.settings, "into", "en") == "my" else "my"


def _judge(engine: "Engine", result: "EnrichResult") -> tuple[State, str]:
    """Compare the text with the sample, which is English and Burmese: a model for another language may fail."""
    from storage.language.fold import fold

    if engine.makes == "translation":
        same = fold(result.text) in ("", fold(_TO_TRANSLATE[_trial_language(engine)]))
        return ("doubtful", "it returned the words unchanged") if same else ("works", "")
    text = f" {fold(result.text)} "
    wanted = ("regional command", "တိုင်းစစ်ဌာနချုပ်") if engine.makes == "ocr" else ("regional command",)
    if result.unreliable:
        return "doubtful", "it marks its own text of an English sample as unreliable"
    if not any(f" {fold(words)} " in text for words in wanted):
        return "doubtful", "it did not find the words of an English sample; a model for another language may not"
    return "works", ""


def _show(session: Session, found: Sequence[Tried]) -> None:
    from bot.enrich.sandbox.run import isolation_here

    for one in found:
        colour = {"works": "green", "ready": "green", "doubtful": "yellow"}.get(one.state, "red")
        scope = f" for {', '.join(one.scope)}" if one.scope else ""
        took = f" in {one.seconds:g} s" if one.seconds is not None else ""
        state = style(session, f"{one.state:<8}", colour)  # type: ignore[arg-type]  # one of three styles
        write_line(session, f"{state}  {one.name} ({one.kind}, {one.makes}{scope}){took}")
        for words in filter(None, (one.why, f"“{one.heard}”" if one.heard else "")):
            _say_wrapped(session, one_line(words), _INDENT)
    leaks = describe_leaks(isolation_here()) if found else None
    if leaks is not None:
        say(session, f"{leaks}: {SANDBOX_FIX}")
    if not found:
        say(session, "No engine configured: media is stored but not transcribed or read.")
    write_line(session)
    write_table(session, ("language", "recordings", "pictures"), _LANGUAGES, listed=False)
    write_line(session)
    for remark in _REMARKS.split("\n"):
        _say_wrapped(session, remark, "")


def _say_wrapped(session: Session, text: str, indent: str) -> None:
    """Print one line; on a terminal broken between words to its width."""
    if not session.on_terminal:
        write_line(session, indent + text)
        return
    columns = min(shutil.get_terminal_size().columns, 100)
    for row in textwrap.wrap(text, columns, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False):
        write_line(session, row)
