"""PURE: words of scripts without spaces as the query has them, for people; folding cuts them into pieces."""

import re
from collections.abc import Callable, Iterator

from storage.language.query import Query
from storage.language.terms import body, plain

_SPACELESS = (
    "\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f\u3005-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(rf"(?:[{_SPACELESS}]+|\d+)(?: (?:[{_SPACELESS}]+|\d+))*")
_BETWEEN = re.compile(f"(?<=[{_SPACELESS}]) (?=[{_SPACELESS}])")
_QUOTED = re.compile(r'["“”„]([^"“”„]*)["“”„]')
_WORD = re.compile(r'[^\s"“”„():=*?~^+!-]+')


def find_written(query: Query) -> Callable[[str], str]:
    """A function that shows a folded form: what of it is in such a script as it is written in the query."""
    known: dict[str, str] = {}
    for phrase in _phrases(query):
        known.setdefault(plain(body(phrase)).strip(), phrase)
    return lambda form: _RUN.sub(lambda run: known.get(run[0]) or _BETWEEN.sub("", run[0]), form)


def _phrases(query: Query) -> Iterator[str]:
    for _, phrases in query.terms:
        yield from (phrase.lstrip("=") for phrase in phrases)
    for found in (*_QUOTED.finditer(query.text), *_WORD.finditer(query.text)):
        phrase = (found[1] if found.re is _QUOTED else found[0]).strip()
        if re.search(f"[{_SPACELESS}]", phrase):
            yield phrase
