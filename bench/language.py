"""Folding and matching, compared with what the libraries alone need in the same run.

Goals: folding with places >= 2.5 times the posts per second of a plain segmenter made of `re` on Burmese and >= 2 times
on English (`--sketch FILE.py` names one with a function `seg`; without it the floor is NFKC, casefold and one findall);
10,000 rules >= 0.3 of a bare overlapping Aho-Corasick pass; < 1.5 times the time of 1,000 rules; compiled in <= 2 s.

Rules and posts use one vocabulary (bench/_texts.py): the word of a rule is any but the 500 most common. So a post has
three words of 10,000 rules on average, and nine of ten posts match; then the same with words from the rarer half of the
vocabulary, where half of the posts match. Times are the shortest of all rounds, because other work on the machine can
only make them longer.
"""

import argparse
import importlib.util
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

from ahocorasick_rs import AhoCorasick

from bench._texts import Words, vocabulary
from bot.rules import Rule, RuleSet, compile_rules
from storage.language import zawgyi
from storage.language.fold import fold, fold_with_places
from storage.language.match import Document, DocumentText, PreparedDocument
from storage.language.query import parse
from storage.language.script import language

ROUNDS = 15
_ENGLISH = (
    "the of and to in that was for on with as by at from command regional troops said town river north road closed "
    "council statement forces attack army moved during morning people village reported official after before near"
)
_WORDS = re.compile(r"\w+")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sketch", type=Path, help="a Python file with seg(text), to be the floor of folding")
    parser.add_argument("--posts", type=int, default=300)
    asked = parser.parse_args(argv)
    words = vocabulary()
    folding(words, asked.posts, seg_of(asked.sketch) if asked.sketch else bare)
    for rare in (False, True):
        print("watch words from the rarer half:" if rare else "watch words, any but the commonest:")
        matching(words, asked.posts, rare=rare)


def bare(text: str) -> list[str]:
    """The least that any folding does, without finding syllables."""
    return _WORDS.findall(normalize("NFKC", text).casefold())


def seg_of(path: Path) -> Callable[[str], object]:
    found = importlib.util.spec_from_file_location("sketch", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    seg: Callable[[str], object] = module.seg
    return seg


def interleaved(posts: Sequence[object], *ways: Callable[[object], object]) -> list[float]:
    """Fewest seconds of processor time per post of each way, measured in turn."""
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(ROUNDS):
        for number, way in enumerate(ways):
            start = time.process_time()
            for post in posts:
                way(post)
            taken[number].append((time.process_time() - start) / len(posts))
    return [min(times) for times in taken]


def folding(words: Words, posts: int, floor: Callable[[str], object]) -> None:
    for name, kind, goal, date in (
        ("Burmese", "my", "2.5", ""),
        ("Burmese with dates", "my", "2.5", "၂၀၂၄ ခုနှစ် ဇူလိုင်လ ၂၅ ရက် ၁၀ နာရီ ၀၇ မိနစ် "),
        (
            "Burmese in lines, half of which every post has",
            "my",
            "2.5",
            "\n၂၀၂၄ ခုနှစ် ဇူလိုင်လ ၂၅ ရက် သတင်းထုတ်ပြန်ချက် ပြောကြားသည်\n",
        ),
        ("English", "en", "2", ""),
        ("English with initials", "en", "2", "On 25.7.2024 the K.I.A. and 1,200 troops of the U.S.-led force "),
    ):
        texts = [
            "".join(date + words.text(kind, 100 if date else 1000) for _ in range(10 if date else 1))
            for _ in range(posts)
        ]
        least, folded, placed = interleaved(texts, floor, fold, fold_with_places)  # type: ignore[arg-type]
        print(
            f"fold {name}, 1,000 characters: {1 / folded:,.0f} posts/s, with places {1 / placed:,.0f}; "
            f"{least / folded:.2f} and {least / placed:.2f} times the floor's {1 / least:,.0f} (goal {goal} of seg)"
        )
    told_apart(words, posts)
    texts = [words.text("my", 1000) for _ in range(posts)]
    spared, detected = interleaved(texts, zawgyi.has_signs, detect)  # type: ignore[arg-type]
    print(f"Zawgyi: {spared * 1e6:.0f} us per post if the quick test is enough, {detected * 1e6:.0f} us if not")


def told_apart(words: Words, posts: int) -> None:
    """The language of posts of 600 characters; the English ones of real words, and of such that no model knows."""
    spoken = [random.Random(number).choices(_ENGLISH.split(), k=100) for number in range(posts)]
    for name, texts in (
        ("English", [" ".join(some) for some in spoken]),
        ("English with a dash and a smile", [f"— {' '.join(some)} 🙂" for some in spoken]),
        ("English of unknown words", [words.text("en", 600) for _ in range(posts)]),
        ("Burmese", [words.text("my", 600) for _ in range(posts)]),
        ("Chinese", [words.text("zh", 600) for _ in range(posts)]),
    ):
        [told] = interleaved(texts, language)  # type: ignore[arg-type]
        print(f"language of {name}, 600 characters: {told * 1e6:.0f} us (goal for English 60)")


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


def matching(words: Words, posts: int, *, rare: bool) -> None:
    documents = [document(words.post(), number) for number in range(posts)]
    # the floor gets the same words as the rules: without the marks for plurals, possessives and hyphens
    plain_of = {found.post_id: PreparedDocument(found).sheets[0].plain for found in documents}
    everything = queries(words, 10_000, rare=rare)
    times = {}
    for count in (1_000, 10_000):
        start = time.perf_counter()
        parsed = [parse(query) for query in everything[:count]]
        rules = compile_rules([Rule(str(number), query, "1") for number, query in enumerate(parsed)])
        compiled = time.perf_counter() - start
        plain = list(dict.fromkeys(f" {fold(query.text.split(chr(34))[1])} " for query in parsed))
        automaton = AhoCorasick(plain, store_patterns=False)

        def alone(found: object, automaton: AhoCorasick = automaton) -> list[tuple[int, int, int]]:
            assert isinstance(found, Document)
            return automaton.find_matches_as_indexes(plain_of[found.post_id], overlapping=True)

        def whole(found: object, rules: RuleSet = rules) -> object:
            assert isinstance(found, Document)
            return rules.match(replace(found, texts=(replace(found.texts[0], folded=fold(found.texts[0].text)),)))

        least, ours, folded = interleaved(documents, alone, rules.match, whole)  # type: ignore[arg-type]
        matched = [len(rules.match(found)) for found in documents]
        called = sum(len(alone(found)) for found in documents)
        times[count] = ours, folded, least
        print(
            f"{count:,} rules: {1 / ours:,.0f} posts/s, {least / ours:.2f} of the bare automaton's {1 / least:,.0f} "
            f"(goal 0.3), with folding {1 / folded:,.0f}; a post has {called / posts:.1f} of their words, "
            f"{sum(matched) / posts:.1f} match, {sum(map(bool, matched)) / posts:.0%} of the posts match any; "
            f"compiled in {compiled:.2f} s (goal 2 s)"
        )
    alone_, with_folding, bare_ = (ten / one for ten, one in zip(times[10_000], times[1_000], strict=True))
    print(
        f"10,000 rules take {alone_:.2f} times as long as 1,000 at matching alone, {with_folding:.2f} times with "
        f"folding (goal < 1.5); the bare automaton {bare_:.2f} times"
    )


if __name__ == "__main__":
    main()
