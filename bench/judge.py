"""Judging a post with 1,000 and with 10,000 rules, beside the bare automaton over the same words.

For posts that nothing is known of, for posts with an earlier match, and for posts whose text a machine read and doubts;
then whole decisions in an archive, one post at a time, with the storing of the post. Of the 10,000 rules, 9,000 look
for words that no post says: what a match costs is the same on both sides, and only the number of rules differs.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ahocorasick_rs import AhoCorasick

from bench._table import Cost, Row, amount, in_turn, ratio, run
from bench._texts import Words, vocabulary
from bot.alerts.decide import decide
from bot.alerts.judge import EarlierMatches, judge
from bot.alerts.loaded_rules import LoadedRules
from bot.alerts.plan import Alerting
from bot.rules import Rule, compile_rules
from storage.archive.database import Archive
from storage.language.fold import fold
from storage.language.match import Document, DocumentText
from storage.language.query import parse
from storage.migrations import migrate
from storage.posts import saving
from storage.records import Batch, FetchedPost, MatchRow, PostFacts, Raw
from storage.sources import states

FEW, MANY = 1_000, 10_000
NOW = 1_763_800_000_000_000
_FACTS = PostFacts(True, NOW, None, 10, 0, 0)
Judged = tuple[Document, EarlierMatches]


def queries(words: Words) -> list[str]:
    """1,000 watch words from the rarer half of the vocabulary, then 9,000 made-up names in Greek letters."""
    found = dict.fromkeys(f'"{words.watched(words.language(), rare=True)}"' for _ in range(4 * FEW))
    chance = random.Random(11)
    alone = {"".join(chance.choices("αβγδεζηθικλμνξοπρστυφχψω", k=9)) for _ in range(MANY)}
    return [*list(found)[:FEW], *sorted(alone)[: MANY - FEW]]


def load(asked: Sequence[str]) -> LoadedRules:
    """The rules as a config gives them, each with one target."""
    rules = [Rule(f"r{number}", parse(query), "1") for number, query in enumerate(asked)]
    loaded = tuple((rule.name, rule.version, query) for rule, query in zip(rules, asked, strict=True))
    return LoadedRules(compile_rules(rules), {rule.name: Alerting(("desk",)) for rule in rules}, loaded)


def new_rule(_: str) -> int:
    """When each rule was first loaded: before every post."""
    return 0


def document(number: int, text: str) -> Document:
    body = DocumentText(number << 14, "body", text, fold(text), "en", None)
    return Document(number, "wire", frozenset(), None, None, None, "en", frozenset(), NOW, (body,))


def earlier(found: Document, loaded: LoadedRules) -> EarlierMatches:
    """What was decided before: a match of the first rule."""
    verdicts = judge(found, _FACTS, EarlierMatches(), loaded, new_rule, NOW)
    row = MatchRow("r0", "1", found.post_id, "state", "match", NOW, (), alerting=False, why="new match")
    return EarlierMatches((row, *(match for match, _ in verdicts)), {text.text_id: text.text for text in found.texts})


def judged(every: Sequence[Judged], loaded: LoadedRules) -> Callable[[], object]:
    return lambda: [judge(found, _FACTS, before, loaded, new_rule, NOW) for found, before in every]


class Stage:
    """An archive with these rules, and posts that `decide` decides on, each in a transaction; it stores them first."""

    def __init__(self, folder: Path, texts: Sequence[str], loaded: LoadedRules) -> None:
        self.archive = Archive(folder / f"{len(loaded.loaded)}.db")
        self.texts, self.loaded, self.stored = texts, loaded, 0
        migrate.ensure(self.archive, now=NOW)
        with self.archive.writing() as writer:
            loaded.declare(writer, NOW)
            states.declare(writer, [states.Declared("wire", "replay")], NOW)

    def decide(self) -> None:
        posts = [
            FetchedPost(str(number), Raw(b"{}", "application/json"), text, number, NOW)
            for number, text in enumerate(self.texts, self.stored)
        ]
        self.stored += len(posts)
        with self.archive.writing() as writer:
            saving.save(writer, 1, Batch(posts=tuple(posts)), now=NOW, method="bench", alerts=True)
        more = True
        while more:
            with self.archive.writing() as writer:
                more = decide(writer, self.loaded, NOW + 1, limit=1).more


def compared(what: str, few: Cost, many: Cost, count: int, most: float) -> Iterator[Row]:
    """A post with many rules: its time in ms, and how many times that of few."""
    yield amount(what, many.cpu / count * 1e3, "ms", goal=most)
    yield ratio(f"{what}, {MANY:,} rules to {FEW:,}", many, few, goal=1.5, count=count)


def rows(quick: bool) -> Iterator[Row]:
    words, rounds = vocabulary(), 3 if quick else 7
    asked, texts = queries(words), [words.post() for _ in range(50 if quick else 200)]
    sides = [load(asked[:FEW]), load(asked)]
    new = [(document(number, text), EarlierMatches()) for number, text in enumerate(texts)]
    known = [(found, earlier(found, sides[0])) for found, _ in new]
    doubted = [
        (replace(found, texts=(replace(found.texts[0], kind="ocr", unreliable=True),)), before) for found, before in new
    ]
    automaton = AhoCorasick([fold(query.strip('"')) for query in asked])
    for what, posts, most in (
        ("judge a new post", new, 0.3),
        ("judge one with an earlier match", known, 0.3),
        ("judge a doubted text", doubted, 1.0),  # its letters are laid out for words that are nearly there
    ):
        few, many = in_turn(*(judged(posts, side) for side in sides), rounds=rounds)
        yield from compared(what, few, many, len(posts), most)
    ours, bare = in_turn(
        judged(new, sides[1]),
        lambda: [automaton.find_matches_as_indexes(found.texts[0].folded, overlapping=True) for found, _ in new],
        rounds=rounds,
    )
    yield ratio("judge a new post, to the bare automaton", ours, bare, count=len(new))
    with tempfile.TemporaryDirectory() as folder:
        stages = [Stage(Path(folder), texts[:50], side) for side in sides]
        few, many = in_turn(*(stage.decide for stage in stages), rounds=rounds)
        yield from compared("decide on a stored post, one in a transaction", few, many, 50, 2.0)


if __name__ == "__main__":
    run(rows, __doc__)
