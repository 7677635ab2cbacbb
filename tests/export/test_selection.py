"""Which posts an export has: those of `communique search`, whatever narrows it, and never one of a closed source."""

from typing import Any

import pytest

from storage.archive.database import Archive
from storage.language.query import parse
from storage.search import search, selection
from storage.search.selection import Selection, find_ids
from tests.web.archive import BEGIN, HOUR, Seeded

QUERIES = (
    None, "command", "NOT command", "bridge OR တံတား", "lang:my", "has:photo OR has:edit", "side:junta", "source:hill*",
    "/comm.nd/", "brigde~", "in:ocr statement", "rule:bridges", "tag:public -tag:press", '"regional command" NOT held',
)  # fmt: skip
NARROWED: tuple[dict[str, Any], ...] = (
    {},
    {"since": BEGIN + 3 * HOUR},
    {"since": BEGIN + 2 * HOUR, "until": BEGIN + 4 * HOUR},
    {"sources": ("valley-radio", "hill-rangers")},
    {"tags": ("press",), "until": BEGIN + 5 * HOUR},
)


@pytest.mark.parametrize("narrowed", NARROWED, ids=lambda one: " ".join(one) or "all")
def test_an_export_has_what_search_finds(seeded: Seeded, narrowed: dict[str, Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(selection, "_AT_ONCE", 7)  # pages that end in the middle of everything
    with Archive(seeded.data_dir / "communique.db") as archive, archive.reading() as reader:
        sources = {row["id"]: row["name"] for row in reader.rows("SELECT id, name FROM sources")}
        some = frozenset(sorted(sources)[::2])
        for words in QUERIES:
            query = None if words is None else parse(words)
            asked = parse(words or "date:>=2000-01-01")
            found = [(one.post_id, one.source) for one in search.search(reader, asked, limit=None, **narrowed)]
            expected = sorted(post_id for post_id, _ in found)
            assert list(find_ids(reader, Selection(query, **narrowed))) == expected, words
            seen = sorted(post_id for post_id, source in found if source in {sources[one] for one in some})
            assert list(find_ids(reader, Selection(query, may_read=some, **narrowed))) == seen, words


def test_a_search_hears_where_it_is_and_may_be_ended(seeded: Seeded) -> None:
    class TooLong(Exception):
        pass

    def looking(_: int) -> None:
        raise TooLong

    with Archive(seeded.data_dir / "communique.db") as archive, archive.reading() as reader:
        for asked in (Selection(parse("/./")), Selection(parse("/./"), sources=("valley-radio",))):
            with pytest.raises(TooLong):
                find_ids(reader, asked, looking)
