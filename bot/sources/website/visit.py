"""PURE: what one visit to a site leaves for the next."""

import json
from dataclasses import asdict, field

from storage.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Visit:
    """What the next visit must know.

    `etag` and `modified` are of the last page, which came whole at `full_at`; `known` are marks of items, `tries` how
    often the page of one failed, `texts` marks of the last two different texts of one page, the newest last.
    `seen` is the mark of the text that a page showed last, on so many `visits`. While it `flickers`, no visit is
    conditional.
    """

    asked: str = ""
    etag: str = ""
    modified: str = ""
    full_at: int = 0
    known: tuple[str, ...] = ()
    tries: dict[str, int] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    seen: str = ""
    visits: int = 0
    flickers: bool = False

    @classmethod
    def read(cls, cursor: str | None, asked: str) -> "Visit":
        """A cursor of ours; of another page, or of another kind of source, it means a first visit."""
        try:
            fields = json.loads(cursor or "{}")
        except ValueError:
            fields = {}
        if not isinstance(fields, dict) or fields.get("asked") != asked:
            return cls(asked)
        lists = {name: tuple(fields.get(name, ())) for name in ("known", "texts")}
        return cls(**{name: value for name, value in fields.items() if name in cls.__dataclass_fields__} | lists)

    def write(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value}, separators=(",", ":"))
