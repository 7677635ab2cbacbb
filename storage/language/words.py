"""PURE: one written word of an alphabet -> its folded tokens: case, accents, look-alikes, plurals, possessives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from unicodedata import category, decimal, normalize

APOSTROPHES = "'`´ʹʻʼʽˈ‘’‚‛′＇ߵ՚׳ꞌ"
HYPHENS = "-‐‑‒–−﹘﹣－"
_CURLY = "'’ʼ‘＇`´"
INSIDE = '.\uff0e\u2024"“”'  # what storage.language.chunks lets stand inside a word: the marks of initials
_NO_INITIALS = ("e.g", "i.e")
PLURAL = "+"  # marks that stand after a token and tell how it was written; no index sees them
POSSESSIVE = "'"
MIXED = "\ue001"  # private use, before a word that reads as Latin and as Cyrillic: its letters are of both

# Words in -s that are no plural, and plurals that no rule below gives back.
_NO_PLURALS = (
    "alias always atlas besides bias canvas chaos christmas does gas headquarters laos lens news perhaps series "
    "species texas towards afterwards"
)
_IRREGULAR = (
    "men:man women:woman children:child feet:foot teeth:tooth buses:bus gases:gas viruses:virus campuses:campus "
    "statuses:status bonuses:bonus focuses:focus censuses:census lenses:lens aliases:alias crises:crisis "
    "analyses:analysis hypotheses:hypothesis diagnoses:diagnosis wives:wife knives:knife wolves:wolf "
    "shelves:shelf halves:half thieves:thief sorties:sortie movies:movie cookies:cookie rookies:rookie "
    "zombies:zombie calories:calorie selfies:selfie shoes:shoe canoes:canoe policemen:policeman "
    "policewomen:policewoman servicemen:serviceman servicewomen:servicewoman militiamen:militiaman "
    "gunmen:gunman airmen:airman fishermen:fisherman spokesmen:spokesman spokeswomen:spokeswoman "
    "guardsmen:guardsman riflemen:rifleman businessmen:businessman congressmen:congressman "
    "tribesmen:tribesman clansmen:clansman strongmen:strongman"
)


@cache
def _no_plurals() -> frozenset[str]:
    return frozenset(_NO_PLURALS.split())


@cache
def irregular() -> dict[str, str]:
    """Plurals that no rule brings back, with their singulars."""
    return dict(pair.split(":") for pair in _IRREGULAR.split())


@cache
def _regular() -> dict[str, str]:
    return {singular: plural for plural, singular in irregular().items()}


def singular(word: str) -> str:
    """The word without an English plural ending; the word itself if it has none. Lower-case ASCII letters only."""
    if len(word) < 4 or word[-1] != "s":
        return irregular().get(word, word) if word.endswith(("men", "ren", "eet", "eeth")) else word
    if word in _no_plurals() or word[-2:] in ("ss", "us", "is"):
        return word
    if word in irregular():
        return irregular()[word]
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("ches", "shes", "xes", "zes", "sses")) or (word.endswith("oes") and len(word) > 5):
        return word[:-2]
    return word[:-1]


def plurals(word: str) -> frozenset[str]:
    """Every plural that `singular` brings back to this word."""
    ends = (word + "s", word + "es", word[:-1] + "ies", _regular().get(word, ""))
    return frozenset(end for end in ends if end and end != word and singular(end) == word)


# Letters that look like a Latin one, as written: a capital may look like another letter than its small one.
_CYRILLIC = dict(
    zip(
        "АВЕЁЅІЈКМНОРСТУХҮԚԜаеёорсухіјѕԁһԛԝѵкмтнв",
        "ABEESIJKMHOPCTYXYQWaeeopcyxijsdhqwvkmthb",
        strict=True,
    )
)
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹαεικνορτυχϲ", "ABEZHIKMNOPTYXCaeikvoptuxc", strict=True))
_TO_GREEK = {latin: greek for greek, latin in _GREEK.items() if greek not in "Ϲϲ"}
_TO_CYRILLIC = dict(zip("ABESIJKMHOPCTYXaeopcyxijskïë", "АВЕЅІЈКМНОРСТУХаеорсухіјѕкїё", strict=True))
_HARDLY_CYRILLIC = dict(
    zip("mthb", "мтнв", strict=True)
)  # only where all other letters are Cyrillic and look Latin to nobody
_LOOKS = {letter.lower(): latin.lower() for letter, latin in _CYRILLIC.items()}
_BOTH = frozenset(latin.lower() for latin in _TO_CYRILLIC if latin.isascii())
_PLAIN = {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ɑ": "a", "ɡ": "g"}
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnopqrstuvwyz", strict=True))
_ARABIC = dict(zip("أإآٱىیېةۀہھک", "اااايييههههك", strict=True))
_SQUARED = {chr(first + place): chr(65 + place) for first in (0x1F110, 0x1F150, 0x1F170) for place in range(26)}
_SQUARED |= {chr(0x249C + place): chr(97 + place) for place in range(26)}
_MAP = str.maketrans({**_PLAIN, **_SMALL_CAPITALS, **_ARABIC, "ـ": "", "״": "", **dict.fromkeys(APOSTROPHES, "")})
_SQUARED_MAP = str.maketrans(_SQUARED)


def cut(chunk: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The tokens of a run of letters, apostrophes and hyphens, and where each is in it.

    Tokens are joined by a space, or by a hyphen where one stood between two words.
    """
    if chunk.isalpha():
        if chunk.isascii():
            return _marked(chunk), ((0, len(chunk)),)
        if _only_cyrillic().fullmatch(chunk):
            return "".join(map(_cyrillic, chunk)), ((0, len(chunk)),)
    elif kept := _kept(chunk):
        text, places = cut("".join(chunk[place] for place in kept))
        return text, tuple((kept[start], kept[end - 1] + 1) for start, end in places)
    return _cut(chunk)


def _kept(chunk: str) -> list[int]:
    """Where the letters of a word with initials are: without their dots and quotation marks; empty if it has none."""
    if any(mark in chunk for mark in INSIDE) and chunk.rstrip(APOSTROPHES + HYPHENS).lower() not in _NO_INITIALS:
        return [place for place, char in enumerate(chunk) if char not in INSIDE]
    return []


def _cut(chunk: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    text = ""
    places: list[tuple[int, int]] = []
    for start, end, hyphen in _parts(chunk):
        for number, (token, low, high) in enumerate(_tokens(chunk[start:end])):
            joined = hyphen and number == 0 and text and not (token[0].isdigit() or text[-1].isdigit())
            text += (("-" if joined else " ") if text else "") + token
            places.append((start + low, start + high))
    return text, tuple(places)


def surface(chunk: str) -> str:
    """The same tokens as written, without plural folding, marks and hyphens: what wildcards and fuzzy terms compare."""
    found: list[str] = []
    chunk = "".join(chunk[place] for place in _kept(chunk)) or chunk
    for start, end, _ in _parts(chunk):
        word = chunk[start:end]
        found += map(_bare, _pieces().findall(word)) if word.isascii() else _runs(_letters(word))
    return " ".join(found)


def _parts(chunk: str) -> Iterator[tuple[int, int, bool]]:
    """Where the words between hyphens stand, without apostrophes around them; whether one hyphen joins it on."""
    start, before = 0, -2
    for place, char in enumerate(chunk + "-"):
        if char not in HYPHENS:
            continue
        word = chunk[start:place]
        left = start + len(word) - len(word.lstrip(APOSTROPHES))
        right = place - len(word) + len(word.rstrip(APOSTROPHES))
        if left < right:
            yield left + _article(chunk[left:right]), right, before == left - 1
            before = right
        start = place + 1


def _article(word: str) -> int:
    """The length of a French or Italian article or pronoun with its apostrophe, before a vowel: l'armée, un'arma."""
    found = None if word.isalpha() else _elision().match(word)
    return found.end() if found else 0


@cache
def _elision() -> re.Pattern[str]:
    return re.compile(
        f"(?:[ldjmnsc]|qu|jusqu|lorsqu|puisqu|quoiqu|dell|nell|all|dall|sull|coll|un|quest)[{_CURLY}](?=[aeiouhyàâäéèêëîïôöùûœæ])",
        re.IGNORECASE,
    )


@cache
def _pieces() -> re.Pattern[str]:
    return re.compile("[A-Za-z][A-Za-z'`]*|[0-9]{1,64}")


def _bare(word: str) -> str:
    return word.lower().replace("'", "").replace("`", "")


@cache
def _only_cyrillic() -> re.Pattern[str]:
    return re.compile("[\u0400-\u052f]+")


@cache
def _cyrillic(letter: str) -> str:
    """A letter of Cyrillic: in a word of no other letters and marks, each folds by itself."""
    return "".join(_foreign(letter))


def _marked(word: str) -> str:
    """One ASCII word with its mark."""
    if word.isalpha():
        stem = singular(word := word.lower())
        return stem if stem == word else stem + PLURAL
    word = word.lower().replace("`", "'")
    mark = ""
    if word.endswith("'s"):
        word, mark = word[:-2], POSSESSIVE
    word = word.replace("'", "")
    stem = singular(word)
    return stem + (mark or PLURAL if stem != word else mark)


def _tokens(word: str) -> Iterator[tuple[str, int, int]]:
    """The tokens of what stands between hyphens, with their marks and places. F16 is two, as F-16 is."""
    if word.isalpha() and word.isascii():
        yield _marked(word), 0, len(word)
    elif word.isascii():
        for piece in _pieces().finditer(word):
            written = piece[0].rstrip("'`")
            token = written if written[0].isdigit() else _marked(written)
            yield token, piece.start(), piece.start() + len(written)
    else:
        for token in _foreign(word):
            yield token, 0, len(word)


def _foreign(word: str) -> Iterator[str]:
    for apostrophe in APOSTROPHES:
        word = word.replace(apostrophe, "'")
    owner = len(word) > 2 and word[-2:] in ("'s", "'S", "'\uff33", "'\uff53")
    for token in _runs(_letters(word[:-2] if owner else word)):
        yield token if token.isdigit() or not token.isascii() else _marked(token + "'s" if owner else token)


def _letters(word: str) -> str:
    """One word in compatibility form, one script, small letters, without the marks that only decorate."""
    word = normalize("NFKC", _one_script(word.translate(_SQUARED_MAP))).replace("ئو", "ؤو")  # as in Egypt
    word = _undecorated(_one_script(word))  # a look-alike may show only without its accent
    if both := _in_both_scripts(word):
        return MIXED + both
    return normalize("NFC", _one_script(word).casefold()).translate(_MAP)


def _in_both_scripts(word: str) -> str:
    """The Latin reading of a word of letters of both scripts, each of which passes in the other; else nothing."""
    cyrillic = {char for char in word if "\u0400" <= char <= "\u052f"}
    latin = {char for char in word if char.isascii() and char.isalpha()}
    if cyrillic and latin and cyrillic <= _CYRILLIC.keys() and latin <= _TO_CYRILLIC.keys():
        return "".join(_CYRILLIC.get(char, char) for char in word).casefold().translate(_MAP)
    return ""


def mixed(token: str) -> str | None:
    """What a word of one script folds to where some letters are of the other; None if that cannot be."""
    if len(token) < 2:
        return None
    if all(char in _BOTH for char in token):
        return MIXED + token
    return MIXED + "".join(map(_LOOKS.__getitem__, token)) if all(char in _LOOKS for char in token) else None


def _one_script(word: str) -> str:
    """Letters that look like another script's go over to the script that most of the word is written in."""
    foreign = [char for char in word if "\u0370" <= char <= "\u052f"]
    latin = [char for char in word if char.isalpha() and char < "\u0250"]
    if not foreign or not latin or _in_both_scripts(word):
        return word
    back = _TO_GREEK if foreign[0] < "\u0400" else _TO_CYRILLIC | _HARDLY_CYRILLIC
    ways = [(foreign, _CYRILLIC | _GREEK), (latin, back)]
    if len(foreign) > len(latin):
        ways.reverse()
    for letters, look in ways:
        if all(char in look for char in letters):
            return "".join(look.get(char, char) for char in word)
    return word


def _undecorated(word: str) -> str:
    """Drop accents of Latin and Greek, points of Arabic and Hebrew, and stress in Cyrillic, where ё becomes е."""
    if word.isascii():
        return word
    kept: list[str] = []
    letter = ""
    for char in normalize("NFD", word):
        if category(char) != "Mn":
            letter = char
        elif _decorates(char, letter):
            continue
        kept.append(char)
    return "".join(kept)


def _decorates(mark: str, letter: str) -> bool:
    if "\u0400" <= letter <= "\u052f":
        return (
            mark in "\u0300\u0301" or (letter in "еЕ" and mark == "\u0308") or len(normalize("NFC", letter + mark)) > 1
        )
    if mark == "\u093c":  # often left out where it marks a sound of Persian
        return letter in "कखगजफ"
    return letter < "\u0400" or "\u0590" <= letter <= "\u08ff" or "\u1e00" <= letter <= "\u1fff"


def _runs(word: str) -> Iterator[str]:
    """Runs of letters with their marks, and runs of digits, the digits in ASCII."""
    run = ""
    for char in word:
        kind = category(char)
        if kind == "Nd":
            if not run.isdigit():
                yield from (run,) * bool(run)
                run = ""
            run += str(decimal(char))
        elif kind[0] == "L" or char == MIXED or (kind[0] == "M" and run and not run.isdigit()):
            if run.isdigit():
                yield run
                run = ""
            run += char
        elif run:
            yield run
            run = ""
    if run:
        yield run
