"""Texts of the size and mixture that are measured: Burmese, English, some Chinese and Ukrainian, from a fixed seed."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_BURMESE = (
    "တိုင်း စစ် ဌာ န ချုပ် မှူး ဗိုလ် နိုင် ဦး ကို မြောက် ပိုင်း တွင် ရက် နေ့ က ဖမ်း ဆီး ခဲ့ ကြောင်း သိ ရှိ ရ ပါ သည် "
    "ညီ နောင် မ ဟာ မိတ် တပ် ဖွဲ့ များ လား ရှိုး မြို့ အ ရှေ့ ပြီး သိမ်း ပိုက် ဖြစ် ကချင် လွတ် လပ် ရေး တော် ရွာ သား "
    "လေ ကြောင်း ပစ် ခတ် ထိ ခိုက် ဒဏ် ရာ သေ ဆုံး အောင် မင်း သူ ကျောင်း လမ်း ဝင် ထွက် ပြော ဆို ထုတ် ပြန် ချက် အစိုး ရ"
)
_STARTS = "b c d f g h k l m n p r s t v w br cr dr fr gr pl pr sh st str th tr"
_MIDDLES = "a e i o u ai ea ee io oa ou"
_ENDS = "b ck d ft g l ll m n nd ng nt p r rd rm rt s sh st t th x"
_HAN = "东北军区司令部同盟军占领腊戌市人民政府发言人表示空袭平民难民边境贸易停火会谈"
_CYRILLIC = "військо переговори місто оборона заява наступ командування кордон уряд речник удар район війна мир"
FIXED = ("regional command", "လားရှိုး", "တိုင်းစစ်ဌာနချုပ်")


@dataclass(frozen=True)
class Words:
    """A vocabulary by frequency: the first words are the commonest."""

    english: Sequence[str]
    burmese: Sequence[str]
    chance: random.Random

    def pick(self, words: Sequence[str]) -> str:
        return words[min(int(self.chance.paretovariate(0.7)) - 1, len(words) - 1)]

    def text(self, language: str, length: int) -> str:
        """About so many characters."""
        parts: list[str] = []
        size = 0
        while size < length:
            part = self._part(language)
            parts.append(part)
            size += len(part)
        return "".join(parts)[:length]

    def _part(self, language: str) -> str:
        if language == "my":
            return self.pick(self.burmese) + self.chance.choice(("", "", "", " ", "။ "))
        if language == "zh":
            return self.chance.choice(_HAN)
        if language == "uk":
            return self.chance.choice(_CYRILLIC.split()) + " "
        word = self.pick(self.english)
        written = self.chance.choices((word, word.capitalize(), f"{word}s", f"{word}'s"), (14, 3, 2, 1))[0]
        return written + self.chance.choices((" ", ", ", ". ", "-"), (24, 3, 2, 1))[0]

    def post(self, length: int = 600) -> str:
        language = self.chance.choices(("en", "my", "zh", "uk"), (45, 40, 8, 7))[0]
        # a Burmese letter takes three bytes, a Chinese one too, a Cyrillic one two
        return self.text(language, length // {"en": 1, "uk": 2}.get(language, 3))

    def keyword(self) -> str:
        return self.pick(self.burmese) if self.chance.random() < 0.5 else self.pick(self.english)


def vocabulary(seed: int = 7, size: int = 12_000) -> Words:
    """Made-up English words and Burmese compounds of one to four real syllables, each list from common to rare."""
    chance = random.Random(seed)
    draw: Callable[[Sequence[str]], str] = chance.choice
    english: dict[str, None] = dict.fromkeys(("regional", "command", "officials", "troops"))
    while len(english) < size:
        syllables = chance.choices((1, 2, 3), (1, 4, 2))[0]
        english[
            "".join(
                draw(_STARTS.split()) + draw(_MIDDLES.split()) + (draw(_ENDS.split()) if chance.random() < 0.6 else "")
                for _ in range(syllables)
            )
        ] = None
    burmese: dict[str, None] = dict.fromkeys(("လားရှိုး", "တိုင်းစစ်ဌာနချုပ်"))
    while len(burmese) < size:
        burmese["".join(draw(_BURMESE.split()) for _ in range(chance.choices((1, 2, 3, 4), (1, 4, 4, 2))[0]))] = None
    return Words(list(english), list(burmese), chance)
