"""Folding, telling languages and matching, compared with what the libraries alone need in the same run.

The floor of folding is NFKC, casefold and one findall of `re`: the least that any folding does, without syllables.
10,000 rules: >= 0.3 of a bare overlapping Aho-Corasick pass; < 1.5 times the time of 1,000 rules; compiled in <= 2 s.

Rules and posts use one vocabulary (bench/_texts.py): the word of a rule is any but the 500 most common. So a post has
three words of 10,000 rules on average, and nine of ten posts match; then the same with words from the rarer half of the
vocabulary, where half of the posts match. Times are the shortest of all rounds, because other work on the machine can
only make them longer.
"""

import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from unicodedata import normalize

from ahocorasick_rs import AhoCorasick

from bench._table import Row, amount, run
from bench._texts import Words, vocabulary
from bot.rules import Rule, compile_rules
from storage.language import zawgyi
from storage.language.fold import _folded, _lines, fold, fold_with_places
from storage.language.match import Document, DocumentText, PreparedDocument
from storage.language.query import parse
from storage.language.script import language

_ENGLISH = (
    "the of and to in that was for on with as by at from command regional troops said town river north road closed "
    "council statement forces attack army moved during morning people village reported official after before near"
)
_WORDS = re.compile(r"\w+")


def rows(quick: bool) -> Iterator[Row]:
    words, posts = vocabulary(), 60 if quick else 300
    rounds = 3 if quick else 15
    yield from folding(words, posts, rounds)
    yield from languages(words, posts, rounds)
    yield from matching(words, posts, rounds)


def bare(text: str) -> list[str]:
    """The least that any folding does, without finding syllables."""
    return _WORDS.findall(normalize("NFKC", text).casefold())


def forget() -> None:
    """Forget whole lines that were folded: in every pass each post is a new one. Its words are known, as usual."""
    _lines.cache_clear()
    _folded.cache_clear()


def interleaved(posts: Sequence[object], rounds: int, *ways: Callable[[object], object]) -> list[float]:
    """Fewest seconds of processor time per post of each way, measured in turn."""
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for number, way in enumerate(ways):
            forget()
            start = time.process_time()
            for post in posts:
                way(post)
            taken[number].append((time.process_time() - start) / len(posts))
    return [min(times) for times in taken]


def folding(words: Words, posts: int, rounds: int) -> Iterator[Row]:
    """Folding with places, as a share of the posts per second of the floor."""
    for name, kind, date in (
        ("Burmese", "my", ""),
        ("Burmese with dates", "my", "၂၀၂၄ ခုနှစ် ဇူလိုင်လ ၂၅ ရက် ၁၀ နာရီ ၀၇ မိနစ် "),
        (
            "Burmese in lines, half of which every post has",
            "my",
            "\n၂၀၂၄ ခုနှစ် ဇူလိုင်လ ၂၅ ရက် သတင်းထုတ်ပြန်ချက် ပြောကြားသည်\n",
        ),
        ("English", "en", ""),
        ("English with initials", "en", "On 25.7.2024 the K.I.A. and 1,200 troops of the U.S.-led force "),
    ):
        texts = [
            "".join(date + words.text(kind, 100 if date else 1000) for _ in range(10 if date else 1))
            for _ in range(posts)
        ]
        least, folded, placed = interleaved(texts, rounds, bare, fold, fold_with_places)  # type: ignore[arg-type]
        ours = f"{placed * 1e6:.0f} µs, {folded * 1e6:.0f} µs without places"
        yield amount(f"fold {name}, 1,000 characters", placed / least, "x", ours=ours, floor=f"{least * 1e6:.0f} µs")
    texts = [words.text("my", 1000) for _ in range(posts)]
    spared, detected = interleaved(texts, rounds, zawgyi.has_signs, detect)  # type: ignore[arg-type]
    yield amount("Zawgyi, the quick test is enough", spared * 1e6, "µs")
    yield amount("Zawgyi, every sentence looked at", detected * 1e6, "µs")


def languages(words: Words, posts: int, rounds: int) -> Iterator[Row]:
    """The language of posts of 600 characters; the English ones of real words, and of such that no model knows."""
    spoken = [random.Random(number).choices(_ENGLISH.split(), k=100) for number in range(posts)]
    for name, texts, goal in (
        ("English", [" ".join(some) for some in spoken], 60),
        ("English with a dash and a smile", [f"— {' '.join(some)} 🙂" for some in spoken], 60),
        ("English of unknown words", [words.text("en", 600) for _ in range(posts)], None),
        ("Burmese", [words.text("my", 600) for _ in range(posts)], None),
        ("Chinese", [words.text("zh", 600) for _ in range(posts)], None),
    ):
        [spent] = interleaved(texts, rounds, language)  # type: ignore[arg-type]
        yield amount(f"language of {name}, 600 characters", spent * 1e6, "µs", goal=goal)


def detect(text: str) -> None:
    """Look closer at every sentence, as if none had been seen before."""
    zawgyi._likely.cache_clear()
    list(zawgyi.conversions(f"\u1031{text}", fine=False))


def document(text: str, number: int) -> Document:
    body = DocumentText(number << 14, "body", text, fold(text), language(text), None)
    return Document(
        number, "spokesman", frozenset(("junta",)), None, None, None, body.language, frozenset(), 0, (body,)
    )


def queries(words: Words, count: int, *, rare: bool) -> list[str]:
    """Different watch words, in the languages of the posts; a tenth of the queries have operators."""
    found: dict[str, None] = {}
    while len(found) < count:
        language = words.language()
        query = f'"{words.watched(language, rare=rare)}"'
        if words.chance.random() < 0.1:
            either, other, barred = words.running(language, 3)
            query += f' ("{either}" OR "{other}") -"{barred}"'
        found[query] = None
    return list(found)


def matching(words: Words, posts: int, rounds: int) -> Iterator[Row]:
    """10,000 rules beside a bare automaton of their words, and beside 1,000 rules."""
    for rare in (False, True):
        name = "rare words" if rare else "any words"
        documents = [document(words.post(), number) for number in range(posts)]
        everything = queries(words, 10_000, rare=rare)
        few, many = (_match(documents, everything[:count], rounds) for count in (1_000, 10_000))
        ours, floor = f"{many.ours * 1e6:.0f} µs a post", f"{many.floor * 1e6:.0f} µs a post"
        share = many.floor / many.ours
        yield amount(
            f"10,000 rules, {name}, share of speed", share, "x", goal=0.3, at_least=True, ours=ours, floor=floor
        )
        yield amount(f"fold and match 10,000 rules beside 1,000, {name}", many.folded / few.folded, "x", goal=1.5)
        yield amount(f"compile 10,000 rules, {name}", many.compiled, "s", goal=2)


@dataclass(frozen=True, slots=True)
class Matched:
    """Seconds of processor time: of a post by ours, with its folding, by the floor, and of compiling the rules."""

    ours: float
    folded: float
    floor: float
    compiled: float


def _match(documents: Sequence[Document], asked: Sequence[str], rounds: int) -> Matched:
    # the floor gets the same words as the rules: without the marks for plurals, possessives and hyphens
    plain_of = {found.post_id: PreparedDocument(found).sheets[0].plain for found in documents}
    start = time.process_time()
    parsed = [parse(query) for query in asked]
    rules = compile_rules([Rule(str(number), query, "1") for number, query in enumerate(parsed)])
    compiled = time.process_time() - start
    plain = list(dict.fromkeys(f" {fold(query.text.split(chr(34))[1])} " for query in parsed))
    automaton = AhoCorasick(plain, store_patterns=False)

    def alone(found: object) -> list[tuple[int, int, int]]:
        assert isinstance(found, Document)
        return automaton.find_matches_as_indexes(plain_of[found.post_id], overlapping=True)

    def whole(found: object) -> object:
        assert isinstance(found, Document)
        return rules.match(replace(found, texts=(replace(found.texts[0], folded=fold(found.texts[0].text)),)))

    floor, ours, folded = interleaved(documents, rounds, alone, rules.match, whole)  # type: ignore[arg-type]
    return Matched(ours, folded, floor, compiled)


if __name__ == "__main__":
    run(rows, __doc__)
