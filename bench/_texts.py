"""Made-up English, Burmese, Chinese and Ukrainian texts for the benchmarks, from a fixed seed.

Words are as frequent as in real text: the nth most common has a share of about 1 / n (Zipf). The most common have one
syllable, the others two to four, and some English and Ukrainian ones are names of two words. Burmese has 1,500
different syllables, Chinese 1,500 characters, also from common to rare.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, product
from operator import add

COMMON = 500  # words that are too common to watch for
_SHARES = {"en": 45, "my": 40, "zh": 8, "uk": 7}  # of posts, and of rules
_BYTES = {"en": 1, "my": 3, "zh": 3, "uk": 2}  # of a letter
_SIZES = {"en": 40_000, "my": 40_000, "zh": 10_000, "uk": 10_000}
_ENGLISH = (
    "b c d f g h k l m n p r s t v w br cr dr fr gr pl pr sh st str th tr",
    "a e i o u ai ea ee io oa ou",
    "- - - - b ck d ft g l ll m n nd ng nt p r rd rm rt s sh st t th x",
)
_UKRAINIAN = (
    "б в г д з к л м н п р с т ф х ц ч ш бр вр гр др зв кр пр ст стр тр",
    "а е и і о у я ю є",
    "- - - - в д й к л м н р с т х нь сть рт нд",
)
_BURMESE = (
    "က ခ ဂ င စ ဆ ဇ ည တ ထ ဒ ဓ န ပ ဖ ဗ ဘ မ ယ ရ လ ဝ သ ဟ အ",
    "- - - - ျ ြ ွ ှ ြွ",
    "- ာ ား ိ ီ ီး ု ူ ူး ေ ေး ဲ ော ော် ံ ုံ ုံး ို ို့ ိုး င် င်း န် န်း တ် က် စ် ည် ည်း ပ် မ် ိုင် ိုင်း ိတ် ုတ် ောက် ောင် ောင်း",
)
FIXED = {"en": ("regional command",), "my": ("လားရှိုး", "တိုင်းစစ်ဌာနချုပ်"), "zh": (), "uk": ()}


@dataclass(frozen=True)
class Words:
    """The words of each language, the most common first."""

    of: Mapping[str, Sequence[str]]
    chance: random.Random

    @cached_property
    def _shares(self) -> dict[str, list[float]]:
        return {language: _zipf(len(words)) for language, words in self.of.items()}

    def language(self) -> str:
        """A random language, as frequent as in the posts."""
        return self.chance.choices(list(_SHARES), list(_SHARES.values()))[0]

    def running(self, language: str, count: int = 1) -> list[str]:
        """Random words, as frequent as in a text."""
        return self.chance.choices(self.of[language], cum_weights=self._shares[language], k=count)

    def watched(self, language: str, *, rare: bool = False) -> str:
        """A random word for a rule: any but the most common, or one from the rarer half."""
        words = self.of[language]
        return words[self.chance.randrange(len(words) // 2 if rare else COMMON, len(words))]

    def text(self, language: str, length: int) -> str:
        """A text of so many characters."""
        parts: list[str] = []
        size = 0
        while size < length:
            for part in self._parts(language):
                parts.append(part)
                size += len(part)
        return "".join(parts)[:length]

    def _parts(self, language: str, count: int = 50) -> Iterator[str]:
        draw = self.chance.choices
        words = self.running(language, count)
        if language == "my":
            yield from map(add, words, draw(("", " ", "။ "), (15, 4, 1), k=count))
        elif language == "zh":
            yield from map(add, words, draw(("", "\uff0c", "。"), (6, 1, 1), k=count))
        else:
            ends = draw((" ", ", ", ". ", "-"), (85, 8, 6, 1), k=count)
            for word, form, end in zip(words, draw(("", "A", "s", "'s"), (75, 15, 8, 2), k=count), ends, strict=True):
                yield (word.title() if form == "A" else word + form * (language == "en")) + end

    def post(self, length: int = 600) -> str:
        """A text of so many bytes, in a random language."""
        language = self.language()
        return self.text(language, length // _BYTES[language])


def vocabulary(seed: int = 7) -> Words:
    """Words of four languages, the same in every run."""
    chance = random.Random(seed)
    syllables = {name: _syllables(chance, *parts) for name, parts in (("en", _ENGLISH), ("uk", _UKRAINIAN))}
    syllables["my"] = _syllables(chance, *_BURMESE)[:1500]
    syllables["zh"] = list(map(chr, chance.sample(range(0x4E00, 0x9F00), 1500)))
    return Words(
        {
            language: _words(chance, syllables[language], language, size, alphabet=language in ("en", "uk"))
            for language, size in _SIZES.items()
        },
        chance,
    )


def _syllables(chance: random.Random, *parts: str) -> list[str]:
    found = list(dict.fromkeys("".join(three).replace("-", "") for three in product(*map(str.split, parts))))
    chance.shuffle(found)
    return found


def _words(chance: random.Random, syllables: list[str], language: str, size: int, *, alphabet: bool) -> list[str]:
    shares = _zipf(len(syllables))
    found = dict.fromkeys((*syllables[:COMMON], *FIXED[language]))
    while len(found) < size:
        word = "".join(chance.choices(syllables, cum_weights=shares, k=chance.choices((2, 3, 4), (5, 3, 1))[0]))
        if alphabet and chance.random() < 0.15:
            word += " " + "".join(chance.choices(syllables, cum_weights=shares, k=2))
        found[word] = None
    return list(found)


def _zipf(size: int) -> list[float]:
    return list(accumulate(1 / (place + 2) for place in range(size)))
