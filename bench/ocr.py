"""Pictures of statements read by Tesseract: character error rate, keywords found and seconds per effect.

Character error is edits per letter of the folded text, so differences that search ignores do not count; a keyword
counts if the query language would find it.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from storage.language.fold import CLOSED, fold
from storage.media.types import HEAD, sniff
from tests.statements import STATEMENTS, Statement

LARGEST_ERROR = {"en": 0.005, "my": 0.03}
LEAST_RECALL = 0.97


def letters(text: str) -> str:
    """The folded text without separators between tokens, and without the compounds at its end."""
    return "".join(letter for letter in fold(text).split(CLOSED)[0] if letter not in " +'-")


def error(said: str, read: str) -> float:
    """Edits per letter of what was said (Levenshtein), by rows."""
    wanted, found = letters(said), letters(read)
    last = list(range(len(found) + 1))
    for row, letter in enumerate(wanted, 1):
        line = [row]
        for column, other in enumerate(found, 1):
            line.append(min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != other)))
        last = line
    return last[-1] / len(wanted)


def keywords(statement: Statement, read: str) -> int:
    text = f" {fold(read)} "
    return sum(f" {fold(word)} " in text for word in statement.keywords)


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--all-languages", action="store_true", help="do not give the engine the language")
    chosen = options.parse_args(arguments)
    try:
        from tests import statement_pictures
    except ImportError:
        print("left out: Pillow is missing; make setup-media brings it")
        return
    from bot.contracts.engine import EngineTools, MediaFile, Never
    from bot.enrich.engines.tesseract import Settings, build

    with tempfile.TemporaryDirectory() as folder:
        engine = build(Settings(name="bench", kind="tesseract"), EngineTools(Path(folder)))
        try:
            engine.ready()
        except Never as missing:
            print(f"left out: {missing}")
            return
        found_of: dict[str, list[float]] = {}
        recall: dict[str, list[int]] = {}
        print(f"{'':22}" + "".join(f"{effect:>13}" for effect in statement_pictures.EFFECTS) + "     CER, keywords")
        for statement in STATEMENTS:
            for font in statement_pictures.FONTS[statement.language]:
                if statement_pictures.font_file(font) is None:
                    print(f"left out: no {font}; make setup-media brings it")
                    continue
                drawn = statement_pictures.page(statement.text, statement.language, font=font)
                row, took = "", []
                for effect in statement_pictures.EFFECTS:
                    path = statement_pictures.save(drawn, effect, Path(folder))
                    languages = () if chosen.all_languages else (statement.language,)
                    began = time.perf_counter()
                    mime = sniff(path.read_bytes()[:HEAD])
                    media = MediaFile(path, "photo", mime, path.stat().st_size, languages=languages)
                    text = engine.read(media).text
                    took.append(time.perf_counter() - began)
                    wrong, hit = error(statement.text, text), keywords(statement, text)
                    found_of.setdefault(statement.language, []).append(wrong)
                    recall.setdefault(statement.language, []).append(hit - len(statement.keywords))
                    row += f"  {wrong:.3f} {hit}/{len(statement.keywords)} "
                name = Path(font).stem.removeprefix("Noto")
                print(f"{statement.language} {name:19}{row}   {statistics.median(took):.1f} s", flush=True)
        for code, wrong_all in found_of.items():
            goal = f" (goal <= {LARGEST_ERROR[code]})" if code in LARGEST_ERROR else ""
            print(f"ocr, {code}: mean CER {statistics.mean(wrong_all):.4f}{goal}, worst {max(wrong_all):.3f}")
        wanted = sum(len(s.keywords) * len(recall.get(s.language, ())) for s in STATEMENTS)
        missed = -sum(map(sum, recall.values()))
        usage = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
        print(f"ocr: keyword recall {1 - missed / wanted:.3f} (goal >= {LEAST_RECALL}), tesseract's peak {usage} MB")


if __name__ == "__main__":
    main()
