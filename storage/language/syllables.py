"""PURE: one syllable or letter cluster of a script without spaces -> its folded form."""

from __future__ import annotations

import re
from functools import cache
from unicodedata import normalize

# Letters of Burmese, Shan, Mon and the Karen languages that can begin a syllable, and those that can be killed.
LETTERS = (
    "\u1000-\u102a\u103f\u104c-\u104f\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081\u108e"
    "\ua9e0-\ua9e4\ua9e7-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7a\uaa7e\uaa7f"
)
FINALS = (
    "\u1000-\u1021\u1025\u103f\u1050\u1051\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081\u108e\uaa60-\uaa7a"
)
SIGNS = (
    "\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f"
    "\u109a-\u109d\ua9e5\uaa7b-\uaa7d"
)
_KILLED = "[\u1037\u1038]{0,3}(?:\u1039|\u103a(?!\u103b))"  # what follows a consonant that ends its syllable
MYANMAR = f"[{LETTERS}][{SIGNS}]{{0,16}}(?:[{FINALS}](?:(?={_KILLED})|(?<=\u1039.))[{SIGNS}]{{0,16}}){{0,8}}"

_THAI_MARKS = "\u0e30-\u0e3a\u0e45\u0e47-\u0e4e"
THAI = (
    f"(?:\u0e40\u0e40|[\u0e40-\u0e44])?[\u0e01-\u0e2e][{_THAI_MARKS}]{{0,12}}(?: {{1,4}}[{_THAI_MARKS}]{{1,12}}){{0,4}}"
)
LAO = "[\u0ec0-\u0ec4]?[\u0e81-\u0eae\u0edc-\u0edf][\u0eb0-\u0ebd\u0ec8-\u0ece]{0,12}"
KHMER = "[\u1780-\u17b3](?:\u17d2[\u1780-\u17b3]|[\u17b6-\u17d3\u17dd]){0,24}"
CHINESE = (
    "[\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f"
    "\uac00-\ud7af\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff]"
)

# The order in which signs are stored; equal ones in a run are dropped.
_ORDER = (
    "\u103b\u105e\u105f\u1060\u103c\u103d\u1082\u103e\u1031\u1084\u102d\u102e\u1032\u1033\u1035\u1071\u1072\u1073\u1074"
    "\u1085\u1086\u102f\u1030\u1034\u1056\u1057\u1058\u1059\u102c\u1062\u1083\u1067\u1068\u103a\u1036\u1037\u1038"
    "\u1063\u1064\u1069\u106a\u106b\u106c\u106d\u1087\u1088\u1089\u108a\u108b\u108c\u108d\u108f\u109a\u109b\u109c\u109d"
)


@cache
def _rank() -> dict[str, int]:
    return {sign: place for place, sign in enumerate(_ORDER)}


SIGN_RUNS = f"[{_ORDER}]{{2,}}"  # two signs or more after one letter
# Two signs of which the second belongs before the first, or is the same: in no run that is in order.
DISORDER = "|".join(f"{sign}[{_ORDER[: place + 1]}]" for place, sign in enumerate(_ORDER))


@cache
def _sign_runs() -> re.Pattern[str]:
    return re.compile(SIGN_RUNS)


@cache
def clusters() -> re.Pattern[str]:
    """What a Thai, Lao or Khmer cluster is, once its compatibility form has been taken."""
    return re.compile(f"{THAI}|{LAO}|{KHMER}")


def ordered(text: str) -> str:
    """Myanmar text with the signs of each letter in one order, none twice."""
    return _sign_runs().sub(sorted_signs, text)


@cache
def _disorder() -> re.Pattern[str]:
    return re.compile(DISORDER)


def is_in_order(text: str) -> bool:
    """Whether `ordered` would change nothing; much quicker than that."""
    return _disorder().search(text) is None


def sorted_signs(run: re.Match[str]) -> str:
    """A run of signs in their order, none twice."""
    return "".join(sorted(set(run[0]), key=_rank().__getitem__))


def myanmar(syllable: str) -> str:
    """A syllable as all ways of writing it fold: signs in order, round aa, and the letters that are mistaken."""
    if len(syllable) == 1 and syllable not in "\u1009\u1029\u102a":
        return syllable
    syllable = ordered(syllable.replace("\u102b", "\u102c"))
    if syllable[0] == "\u104e":
        return "\u104e" + syllable[1:].removeprefix("\u1004\u103a\u1038")
    if syllable[0] in "\u1029\u102a":
        syllable = ("\u101e\u103c" if syllable[0] == "\u1029" else "\u101e\u103c\u1031\u102c\u103a") + syllable[1:]
    syllable = syllable.replace("\u1025\u102e", "\u1026").replace("\u1005\u103b", "\u1008")
    if syllable.startswith("\u100a\u103d\u103e"):
        syllable = "\u100a\u103d" + syllable[3:]
    elif syllable == "\u1017\u103b\u102f":  # often written so for ဗျူ, as in the word for strategy
        return "\u1017\u103b\u1030"
    if "\u1009" in syllable or "\u1025" in syllable:  # these two are taken for one another
        syllable = re.sub("\u1025(?=[\u1037\u1039\u103a\u102c])", "\u1009", syllable)
        syllable = re.sub("\u1009(?![\u1037\u1039\u103a\u102c])", "\u1025", syllable)
    return syllable


def thai(cluster: str) -> str:
    """A Thai, Lao or Khmer cluster; a compatibility letter that stands for two gives two, parted by a space."""
    folded = normalize("NFKC", cluster.replace(" ", "")).replace("\u0e40\u0e40", "\u0e41")
    if len(folded) > 2:
        folded = _vowel_first(folded)
    return " ".join(clusters().findall(folded))


def _vowel_first(cluster: str) -> str:
    return re.sub("([\u0e48-\u0e4c])([\u0e31\u0e34-\u0e3a\u0e47\u0e4d])", r"\2\1", cluster)
