"""PURE: what people bring from other search tools and slips of the pen: read as words here, and probably not meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from unicodedata import normalize

from storage.language.fields import NAMES
from storage.language.sequences import glob
from storage.language.tree import LEAVES, And, Exact, HasText, Is, Node, Not, Or, When, Wild, Words, leaves

# Fields of other tools, and what finds the same here.
_FIELDS = {
    "after": "write since:2024-07-01",
    "author": "write from:",
    "before": "write until:2024-07-01",
    "body": "write in:text beside the words",
    "caption": "write in:text beside the words",
    "channel": "write source:",
    "chat": "write source:",
    "content": "write in:text beside the words",
    "country": "there are side: and tag:",
    "day": "write date:2024-07-01",
    "description": "every text is searched",
    "domain": "write source:",
    "ext": "write in:file beside the name",
    "filename": "write in:file beside the name",
    "filetype": "write in:file beside the name",
    "filter": "write has:photo, has:voice or another kind",
    "hashtag": "write the word alone",
    "headline": "every text is searched, titles too",
    "host": "write source:",
    "inbody": "write in:text beside the words",
    "intext": "write in:text beside the words",
    "intitle": "every text is searched, titles too",
    "inurl": "addresses are text: write the word alone",
    "is": "write has:forward, has:reply or another kind",
    "link": "addresses are text: write the words of the address",
    "mention": "write the name alone",
    "message": "write in:text beside the words",
    "month": "write date:2024-07",
    "near": "write army NEAR/5 lost",
    "sender": "write from:",
    "site": "write source:",
    "text": "write in:text beside the words",
    "title": "every text is searched, titles too",
    "type": "write has:photo, has:voice or another kind",
    "url": "addresses are text: write the words of the address",
    "user": "write from:",
    "year": "write date:2024",
}
_OPERATORS = frozenset({"or", "and", "not"})
_FOREIGN_OPERATORS = frozenset({"adj", "xor", "andnot", "same", "followedby", "around"})
_FOREIGN = (
    r"(?i)(?P<slash>(?:w|n|p|pre|near|onear|within|adj)/(?:\d{1,3}|[sp]))"
    r"|(?P<adj>adj\d{0,3}|xor|andnot|same|followedby)|(?P<around>around)"
)
_RANGE = r"[\[{]\s*[^\s\[\]{}]+\s+TO\s+[^\s\[\]{}]+\s*[\]}]"
_FOREIGN_QUOTES = {"«": "»", "‹": "›", "'": "'", "‘": "’", "‚": "‘", "`": "`", "「": "」", "『": "』", "《": "》"}
_LONE = {
    "-": "write -navy",
    "!": "write NOT navy",
    "=": "write =word",
    "~": "write word~",
}
_SINGLE = ("source", "side", "id")  # of which a post has one


def find_slip(word: str, before: str, behind: str, *, left: bool) -> str | None:
    """What is probably wrong with a bare word that is read as text; None for nearly all words.

    `before` and `behind` are the query around it; `left` says that a term is on its left.
    """
    small = word.lower()
    if word.isalpha() and small not in _OPERATORS and small not in _FOREIGN_OPERATORS:
        return None
    right = bool(behind.strip()) and not behind.lstrip().startswith(")")
    if small in _OPERATORS and right and (left or small == "not"):
        return f'"{word}" is looked for as a word: write {word.upper()} to join terms, or quote the word'
    return (
        _foreign_operator(word, behind, between=left and right)
        or _sign(word, between=left and right)
        or _foreign_quotes(word + behind)
        or _range_without_field(word + behind)
        or _boost(word, before)
        or _flags(word)
        or _joined(word, left=left)
    )


def find_field_slip(name: str, value: str) -> str | None:
    """What is probably meant by a name before a colon that is no field; `value` is what is behind the colon."""
    word = name.lower()
    if len(word) < 2 or not re.fullmatch("[a-z_]+", word) or not value or value[0].isspace() or value[0] in "/\\)":
        return None
    if word not in _FIELDS and (value[0].isdigit() or not name.islower()):
        return None  # a time, a score, a heading
    hint = _FIELDS.get(word) or f"write {name}\\: if you mean that"
    return f'"{name}:" is no field and is read as text: {hint}'


def meant_instead(name: str, near: str) -> str:
    """What to write for a field that there is not: what other tools mean by it, or the nearest field of ours."""
    hint = _FIELDS.get(name.lower())
    return f"{hint}." if hint else f"did you mean {near}:?"


def _foreign_operator(word: str, behind: str, *, between: bool) -> str | None:
    found = re.fullmatch(_FOREIGN, word) if between else None
    if not found:
        return None
    digits = re.sub("[^0-9]", "", word)
    asked = f"{'ONEAR' if word.lower().startswith(('pre', 'onear', 'p/', 'adj')) else 'NEAR'}/{digits or 5}"
    if found["slash"] or word.isupper() or (found["adj"] and digits) or behind.startswith("("):
        return f'"{word}" is looked for as text: write army {asked} lost for words near each other'
    return None


def _sign(word: str, *, between: bool) -> str | None:
    if "|" in word or ("&&" in word and len(word) > 2):
        return f'"{word}": | and && within words are no operators here: write army OR navy, army AND navy'
    if word in _LONE and between:
        return f"a lone {word} does nothing: {_LONE[word]}"
    if re.fullmatch(r"%\w+%?|[^\W\d]+%", word):
        return f'"{word}": % is no wildcard here: write *'
    return None


def _foreign_quotes(text: str) -> str | None:
    close = _FOREIGN_QUOTES.get(text[0])
    end = text.find(close, 1) if close else -1
    if end > 0 and " " in text[1:end].strip() and not text[end + 1 : end + 2].isalnum():
        return f'{text[0]}…{close} make no phrase: write "…" around words that are next to each other'
    return None


def _range_without_field(text: str) -> str | None:
    found = re.match(_RANGE, text) if text[0] in "[{" else None
    return f"a range belongs to a date: write date:{found[0].replace('{', '[').replace('}', ']')}" if found else None


def _boost(word: str, before: str) -> str | None:
    if "^" in word and re.search(r"\^\d+(?:\.\d+)?$", word) and (len(word.partition("^")[0]) or before[-1:] in '")”'):
        return f'"{word}": a weight (^2) does nothing here, and its number is looked for as text: leave it out'
    return None


def _flags(word: str) -> str | None:
    if word[0] == "/" and word.count("/") == 2 and re.fullmatch(r"(?s)/.+/[a-z]{1,4}", word):
        return f"{word} is read as text: a regular expression ends at its slash; letter case makes no difference in it"
    return None


def _joined(word: str, *, left: bool) -> str | None:
    """Signs that join or part words in other tools, and here make a phrase of them or mean nothing."""
    if (found := re.fullmatch(r"(\w+)=\S+", word)) and found[1].lower() in NAMES:
        return f'"{word}" is read as text: write {found[1]}: with a colon'
    if len(word) > 1 and word[0] == ":" and left:
        return f'"{word}": a field is written directly before its colon: source:desk'
    if len(word) > 1 and word[0] in "–—−" and left:
        return f'"{word}" is looked for: to exclude it, write the minus of the keyboard, -{word[1:]}'
    if re.search(r"[^\W\d][,;+|&][^\W\d]", word) and not re.fullmatch(r"[A-Z]&[A-Z]", word):
        return f'"{word}" is read as words in a row: write a space between words that may be anywhere, or OR'
    if found := re.search("[（）＂｜［］]", word):
        return f"{found[0]} is no syntax: write {normalize('NFKC', found[0])}"
    if re.search(r"~\d*\.\d+$", word):
        return f'"{word}" is read as text: write word~1 or word~2, the number of letters that may differ'
    name = word.partition("：")[0].lower()
    return f"： is no syntax: write {name}: with the colon of the keyboard" if "：" in word and name in NAMES else None


def find_phrase_slip(value: str) -> str | None:
    """What is probably wrong with what is between quotes."""
    if found := re.search(r"\S\s+(OR|AND|NOT|O?NEAR(?:/\d+)?)\s+\S", value):
        return f'{found[1]} inside quotes is a word: write quotes around each phrase, "army" {found[1]} "navy"'
    return None


def find_contradictions(node: Node) -> Iterator[str]:
    """Parts that can never hold together: x NOT x, two different sources of one post, no kind of text at all."""
    if isinstance(node, Or):
        for part in node.parts:
            yield from find_contradictions(part)
        return
    if isinstance(node, LEAVES) and node.kinds:  # nearly all queries: nothing beside it that it could contradict
        return
    parts = list(_flat(node))
    wanted = [part for part in parts if not isinstance(part, Not)]
    barred = [inner for part in parts if isinstance(part, Not) for inner in _ways(part.part)]
    for part in wanted:
        if all(any(way == other or _implies(way, other) for other in barred) for way in _ways(part)):
            yield f"the query asks for {_said(part)} and excludes it: it can never match"
        yield from find_contradictions(part) if isinstance(part, Or) else ()
    for field in _SINGLE:
        values = {part.value for part in wanted if isinstance(part, Is) and part.field == field}
        if len(values) > 1 and not any(set(value) & set("*?") for value in values):
            asked = " OR ".join(f"{field}:{value}" for value in sorted(values))
            yield f"a post has one {field}: it can never match; write {asked}"
    spans = [(part.start, part.end) for part in wanted if isinstance(part, When)]
    starts = [start for start, _ in spans if start is not None]
    ends = [end for _, end in spans if end is not None]
    if starts and ends and max(starts) >= min(ends):
        yield "the dates have no moment in common: it can never match"
    if any(not leaf.kinds for part in wanted for leaf in leaves(part)):
        yield "the query excludes by -in: every kind of text that it asks for: it can never match"


def _flat(node: Node) -> Iterator[Node]:
    if isinstance(node, And):
        for part in node.parts:
            yield from _flat(part)
    else:
        yield node


def _ways(node: Node) -> Iterator[Node]:
    """What must not hold, each by itself, where an OR of it must not hold."""
    if isinstance(node, Or):
        for part in node.parts:
            yield from _ways(part)
    else:
        yield node


def _implies(part: Node, other: Node) -> bool:
    """Whether words are found wherever others are: "regional command" holds no post without command."""
    if isinstance(part, Exact):
        part = Words((part.folded,), kinds=part.kinds)
    return (
        isinstance(part, Words)
        and isinstance(other, Words)
        and part.kinds <= other.kinds
        and bool(part.needles)
        and not part.marked
        and all(any(found in needle for found in other.needles) for needle in part.needles)
    )


def _said(part: Node) -> str:
    if isinstance(part, Exact):
        return f"={part.written.strip()}"
    if isinstance(part, Words):
        return f'"{(part.needles or part.marked)[0].strip()}"'
    if isinstance(part, Wild):
        return f'"{" ".join(part.tokens)}"'
    if isinstance(part, Is):
        return f"{part.field}:{part.value}"
    if isinstance(part, HasText):
        return f"in:{min(part.kinds)}"
    return "a term"


def find_names(node: Node) -> Iterator[tuple[str, str]]:
    """The names in every source:, tag:, side: and rule: of a query, case folded, with their fields.

    They may hold wildcards.
    """
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from find_names(part)
    elif isinstance(node, Not):
        yield from find_names(node.part)
    elif isinstance(node, Is) and node.field in ("source", "tag", "side", "rule"):
        yield node.field, node.value


def unknown_names(node: Node, known: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    """The names that a query asks for and that fit none of those known of their field, each once, with its field."""
    for field, asked in dict.fromkeys(find_names(node)):
        names = known.get(field)
        if names is None or asked in names:
            continue
        if not any(glob(asked, name.casefold()) for name in names):
            yield field, asked
