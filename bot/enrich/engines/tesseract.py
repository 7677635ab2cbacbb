"""Reads pictures with the Tesseract program (https://github.com/tesseract-ocr/tesseract).

A page is first turned upright and level, and cleaned of shadows and of coloured ink. Tesseract's layout analysis
mistakes the marks of Burmese for separate lines. So a page is read as sparse text and as one block, in two sizes, and
with all its ink in Tesseract's own layout. The reading that agrees best with the others wins; what it missed is added.
"""

import importlib.util
import itertools
import shutil
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bot.contracts.engine import (
    MB,
    Bounds,
    EngineSettings,
    EngineTools,
    EnrichResult,
    Later,
    Made,
    MediaFile,
    Never,
    Unfit,
)
from bot.contracts.settings import ConfigPath
from bot.enrich import layout
from bot.enrich.sandbox.command import run
from bot.system_files import program_parts
from storage.frozen import dataclass
from storage.language.fold import fold
from storage.language.script import language
from storage.records import MediaKind

if TYPE_CHECKING:
    from PIL.Image import Image

INSTALL = "apt install tesseract-ocr tesseract-ocr-mya tesseract-ocr-eng tesseract-ocr-chi-sim tesseract-ocr-tha"
INSTALL_PILLOW = "pip install 'communique[ocr]'"
UNRELIABLE = 60.0  # below this mean confidence most words are wrong
_CERTAIN = 85.0  # from here on the language data surely fit the script
_HOPELESS = 30.0  # below it they surely do not
_ALIKE = 0.9  # share of pairs of words in which two readings agree
_SPARSE, _BLOCK, _PAGE = 11, 6, 3  # Tesseract's page segmentation modes
_PASSES = ((_SPARSE, 1.0), (_BLOCK, 0.6))
_LEVEL = 0.2  # worth of a block: of a page that was cleaned and levelled it is the best reading, if it is one at all
_LOOK = 0.5  # size of a page when only its orientation is asked for
_LINES = 1.3  # weight of the turns that the lines of a page suggest
_ENOUGH = 40  # letters by which an orientation is known
_USUAL_WIDTH = 900  # pixels; smaller pictures are enlarged
_MOST_ENLARGED = 3.0
_PASS_CPU_S = 60
_LIST_DEADLINE = 60.0  # seconds, for naming its languages
_DEFAULT = ("my", "zh", "th")
_PACKS = {
    "my": "mya", "shn": "mya", "mnw": "mya", "ksw": "mya", "kac": "eng", "en": "eng", "zh": "chi_sim", "th": "tha",
    "lo": "lao", "km": "khm", "ja": "jpn", "ko": "kor", "vi": "vie", "id": "ind", "ms": "msa", "hi": "hin",
    "bn": "ben", "ta": "tam", "ar": "ara", "fa": "fas", "tr": "tur", "he": "heb", "ru": "rus", "uk": "ukr",
    "el": "ell", "ka": "kat", "hy": "hye", "fr": "fra", "de": "deu", "es": "spa", "pt": "por", "it": "ita",
}  # fmt: skip


class Settings(EngineSettings):
    """An `[[engines]]` entry of kind "tesseract"; `tessdata` is a directory with language data other than Debian's."""

    kind: Literal["tesseract"]
    program: str = "tesseract"
    tessdata: ConfigPath | None = None

    def mentioned(self) -> tuple[Path, ...]:
        program = shutil.which(self.program)
        return tuple(program_parts(Path(program))) if program else ()

    def missing_packages(self, languages: Collection[str]) -> tuple[str, ...]:
        wanted = {_PACKS.get(code, code) for code in languages or _DEFAULT}
        try:
            return tuple(map(_package, sorted(wanted - _installed(self))))
        except Later:
            return ()


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of a page; `confidence` is the mean of its words, 0 to 100. Words have their places on the page."""

    text: str
    confidence: float
    letters: int
    words: Sequence[layout.Word] = ()
    level: bool = False  # read as one block of level lines


@dataclass(frozen=True, slots=True)
class _Page:
    """A page with its shadows and coloured ink removed, and, where it has coloured ink, the one with all ink."""

    clean: "Image"
    inked: "Image | None"

    def turned(self, degrees: float) -> "_Page":
        from bot.enrich.cleaning import turned

        inked = None if self.inked is None else turned(self.inked, degrees)
        return _Page(turned(self.clean, degrees), inked)


class Tesseract:
    """Reads one page in several passes for each script that it may be in, with one thread: more make it slower."""

    makes: Made = "ocr"
    reads: frozenset[MediaKind] = frozenset({"photo"})
    remote = False

    def __init__(self, settings: Settings, tools: EngineTools) -> None:
        self.settings = settings
        self._temporary = tools.temporary

    def ready(self) -> None:
        if shutil.which(self.settings.program) is None:
            raise Never(f"cannot read pictures: the program {self.settings.program} is missing", remedy=INSTALL)
        if importlib.util.find_spec("PIL") is None:
            raise Never("cannot read pictures: the package Pillow is missing", remedy=INSTALL_PILLOW)
        with suppress(Later):  # a busy machine does not mean that something is missing
            if not _installed(self.settings):
                raise Never("cannot read pictures: tesseract has no language data", remedy=INSTALL)

    def bounds(self, media: MediaFile) -> Bounds:  # noqa: ARG002  the cost depends on the pixels, whose number is limited
        return Bounds(cpu_s=280, memory=1024 * MB, written=64 * MB)

    def read(self, media: MediaFile) -> EnrichResult:
        page = _cleaned(media)
        best, packs = Pass("", 0.0, 0), ""
        for candidate in self._candidates(media.languages):
            found = self._best(page, candidate)
            if not packs or found.confidence > best.confidence:
                best, packs = found, candidate
            if _fits(found):
                break
        return EnrichResult(
            best.text,
            None,
            best.confidence / 100,
            engine="tesseract",
            model=packs,
            unreliable=best.confidence < UNRELIABLE,
        )

    def _candidates(self, languages: Sequence[str]) -> list[str]:
        """Language data to try in turn, each with English. Raises Unfit if none of the languages has data."""
        have = _installed(self.settings)
        wanted = list(dict.fromkeys(_PACKS.get(code, code) for code in languages or _DEFAULT))
        missing = [pack for pack in wanted if pack not in have]
        if languages and missing == wanted:
            packages = " ".join(map(_package, missing))
            raise Unfit(f"tesseract has no data for {', '.join(languages)}; apt install {packages}")
        english = ("eng",) if "eng" in have else ()
        scripts = [pack for pack in wanted if pack in have and pack != "eng"]
        return ["+".join((pack, *english)) for pack in scripts] or list(english) or sorted(have)[:1]

    def _best(self, page: _Page, packs: str) -> Pass:
        """The best of several passes, with the words that it missed and others found; a hopeless first look is all.

        Two sure passes that agree are enough for a page in one ink.
        """
        page, look = self._upright(page, packs)
        if look.confidence < _HOPELESS and look.letters:
            return look
        passes: list[Pass] = []
        for mode, size in _PASSES:
            passes.append(self._pass(page.clean, packs, mode, size))
            if page.inked is None and _agree(passes):
                return passes[0]
        passes.append(self._pass(page.inked or page.clean, packs, _PAGE, 1.0))
        best = most_agreed(passes)
        return _completed(best, [one for one in passes if one is not best])

    def _upright(self, page: _Page, packs: str) -> tuple[_Page, Pass]:
        """Turned by a quarter or half where that is read better, then so that its lines are level; and a first look."""
        from bot.enrich.cleaning import slope, turns_by_likelihood

        looks: list[tuple[float, _Page, Pass]] = []
        for pair in turns_by_likelihood(page.clean):
            for degrees in pair:
                looks.append(self._look(page.turned(degrees), packs))
                if looks[-1][2].confidence >= _CERTAIN and looks[-1][2].letters >= _ENOUGH:
                    break
            worth, best, look = max(looks, key=lambda one: one[0])
            if look.confidence >= UNRELIABLE:
                break
            looks = [(_LINES * worth, best, look)]  # what lines show is overruled only by what is clearly better
        if lean := slope(best.clean):  # a photograph has slopes that are none of its lines
            looks.append(self._look(best.turned(lean), packs))
        _, best, look = max(looks, key=lambda one: one[0])
        return best, look

    def _look(self, page: _Page, packs: str) -> tuple[float, _Page, Pass]:
        """How well a page is read as it lies, at a low resolution."""
        look = self._pass(page.clean, packs, _SPARSE, _LOOK)
        return look.confidence * min(look.letters, _ENOUGH), page, look

    def _pass(self, page: "Image", packs: str, mode: int, size: float) -> Pass:
        from PIL import Image

        enlarged = min(max(1.0, _USUAL_WIDTH / page.width), _MOST_ENLARGED, max(1.0, 2_800 / max(page.size)))
        scale = size * enlarged
        width, height = (max(1, round(side * scale)) for side in page.size)
        scaled = page.resize((width, height), Image.Resampling.LANCZOS)
        path = self._temporary / "page.pgm"
        path.write_bytes(b"P5 %d %d 255\n" % (width, height) + scaled.tobytes())
        found = layout.words(_run(self.settings, str(path), "-", "-l", packs, "--psm", str(mode), "tsv"))
        text = layout.rebuilt(found) if mode == _SPARSE else layout.in_order(found)
        letters = sum(len(word.text) for word in found)
        placed = [word.scaled(1 / scale) for word in found]
        return Pass(text, layout.confidence(found), letters, placed, level=mode == _BLOCK)


def _cleaned(media: MediaFile) -> _Page:
    from bot.enrich import cleaning
    from bot.enrich.image import sheet

    picture = sheet(media)
    inked = cleaning.flat(picture.convert("L"))
    clean = cleaning.without_ink(picture)
    return _Page(inked, None) if clean is None else _Page(cleaning.flat(clean), inked)


def _completed(best: Pass, others: Sequence[Pass]) -> Pass:
    """The best reading, and below it what it missed: whole lines, or words in another colour."""
    found = list(best.words)
    added: list[layout.Word] = []
    for other in others:
        more = layout.missed(found, other.words)
        found += more
        added += more
    return replace(best, text=f"{best.text}\n{layout.rebuilt(added)}") if added else best


def _installed(settings: Settings) -> frozenset[str]:
    """The language data that Tesseract finds. Raises Later if it does not answer."""
    lines = _run(settings, "--list-langs", deadline=_LIST_DEADLINE).splitlines()[1:]
    return frozenset(line.strip() for line in lines) - {"", "osd"}


def _package(pack: str) -> str:
    return f"tesseract-ocr-{pack.replace('_', '-')}"


def _run(settings: Settings, *arguments: str, deadline: float | None = None) -> str:
    tessdata = ("--tessdata-dir", str(settings.tessdata)) if settings.tessdata else ()
    program = shutil.which(settings.program)
    if program is None:
        raise Never(f"the program {settings.program} is missing", remedy=INSTALL)
    one_thread = {"OMP_THREAD_LIMIT": "1"}
    answer = run((program, *arguments, *tessdata), cpu_s=_PASS_CPU_S, deadline=deadline, environment=one_thread)
    if answer.late:
        raise Later("tesseract does not answer")
    if answer.spent or answer.cut:
        what = f"took more than {_PASS_CPU_S} s of processor time" if answer.spent else "printed too much"
        raise Unfit(f"tesseract {what}")
    if answer.code:
        raise RuntimeError(f"tesseract ended with {answer.code}")
    return answer.out.decode("utf-8", "replace")


def most_agreed(passes: Sequence[Pass]) -> Pass:
    """The reading of a page that agrees most with the others and has the most letters with confidence.

    Agreement is the share of neighbouring pairs of folded words that two readings have in common.
    """
    pairs = [_pairs(one.text) for one in passes]
    most = max(one.letters for one in passes) or 1

    def worth(index: int) -> float:
        shared = [_shared(pairs[index], other) for place, other in enumerate(pairs) if place != index]
        agreed = sum(shared) / len(shared) if shared else 0.0
        level = _LEVEL if passes[index].level else 0.0
        return agreed + level + passes[index].confidence / 100 * passes[index].letters / most

    return passes[max(range(len(passes)), key=worth)]


def _agree(passes: Sequence[Pass]) -> bool:
    """Whether there are two readings of a page, both sure and nearly the same."""
    if len(passes) != 2 or min(one.confidence for one in passes) < _CERTAIN:
        return False
    return _shared(*(_pairs(one.text) for one in passes)) >= _ALIKE


def _pairs(text: str) -> Counter[tuple[str, str]]:
    tokens = fold(text).split()
    return Counter(itertools.pairwise(tokens))


def _shared(pairs: Counter[tuple[str, str]], other: Counter[tuple[str, str]]) -> float:
    return (pairs & other).total() / ((pairs | other).total() or 1)


def _fits(found: Pass) -> bool:
    """Whether the language data fit the page; otherwise another script was forced into this one."""
    return found.confidence >= _CERTAIN or (found.confidence >= UNRELIABLE and language(found.text) != "und")


def build(settings: Settings, tools: EngineTools) -> Tesseract:
    """Make the engine behind a checked `[[engines]]` entry."""
    return Tesseract(settings, tools)
