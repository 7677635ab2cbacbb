"""The words of the interface: one file for each language, and English for what a language does not have."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from storage.frozen import dataclass

DEFAULT = "en"


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """The words of one language, by key: `now.title`."""

    language: str
    phrases: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key, with values in their places; `count` chooses between `key.one` and `key.other`.

        Values that are markup stay so, and everything else is escaped when it is shown. Raises KeyError.
        """
        if "count" in values and key not in self.phrases:
            key = f"{key}.{'one' if values['count'] == 1 else 'other'}"
        phrase = self.phrases[key]
        shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
        if any(isinstance(value, Markup) for value in shown.values()):
            return escape(phrase).format(**shown)
        return phrase.format(**shown) if shown else phrase

    def named(self, group: str, name: str) -> str:
        """What a value is called (`lang.my`), or the value itself where there is no word for it."""
        return self.phrases.get(f"{group}.{name}", name)


@cache
def languages() -> tuple[str, ...]:
    """The languages there are words of."""
    found = (one.name for one in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


@cache
def words_of(language: str) -> Phrasebook:
    """The words of one of `languages`."""
    english = _read(DEFAULT)
    return Phrasebook(language, english if language == DEFAULT else {**english, **_read(language)})


def choose(accepted: str) -> Phrasebook:
    """The words that a browser's Accept-Language asks for first, English if it asks for none that there are."""
    ranked: list[tuple[float, str]] = []
    for part in accepted[:1000].split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), tag.lower().partition("-")[0]))
        except ValueError:
            continue
    wanted = (tag for _, tag in sorted(ranked, key=lambda one: one[0]))
    return words_of(next((tag for tag in wanted if tag in languages()), DEFAULT))


def _read(language: str) -> dict[str, str]:
    return dict(_flat(tomllib.loads((files(__name__) / f"{language}.toml").read_text("utf-8")), ""))


def _flat(table: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
