"""SQL functions that read a query as rules and search do, for programs that open the archive by themselves.

The full-text index holds folded words, and no tokenizer of SQLite can cut Burmese, Thai or Chinese: what a person types
must be folded in the same way before it is compared.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from storage.archive import packed_words
from storage.archive.database import Reader
from storage.language.query import parse
from storage.language.tree import Query, QueryError
from storage.search.bounds import bounds
from storage.search.search import search

if TYPE_CHECKING:
    from storage.archive.database import Connection

_MOST = 1000

SEARCH = """
SELECT p.id, p.posted, p.source, p.native_id, p.title, p.text, p.media, p.deleted, p.url
FROM json_each(communique_search(:q, 100)) f JOIN posts_readable p ON p.id = f.value ORDER BY f.key"""
HAS_INDEX = "SELECT 1 FROM sqlite_master WHERE name = 'posts_index'"


def register(connection: Connection) -> bool:
    """Add the functions to a connection; False if its database is not an archive.

    `communique_query(typed)` is an expression for `posts_index MATCH`; `communique_search(typed, limit)` is a JSON list
    of the ids of the posts that `communique search` finds, newest first.
    """
    if connection.execute(HAS_INDEX).fetchone() is None:
        return False

    def find(typed: str | None, limit: int) -> str:
        query = read_query(typed)
        if query is None:
            return "[]"
        found = search(Reader(connection), query, limit=None)
        return json.dumps([post.post_id for post in islice(found, min(max(limit, 0), _MOST))])

    packed_words.register(connection)
    connection.create_function("communique_query", 1, match_expression)
    connection.create_function("communique_search", 2, find)
    return True


def match_expression(typed: str | None) -> str:
    """What a text must match in the index; an empty phrase, which matches nothing, where the index cannot help."""
    query = read_query(typed)
    return (query and bounds(query.root).at_all.known) or '""'


def read_query(typed: str | None) -> Query | None:
    """The query that somebody typed, or its bare words where it is no query; None if there are none."""
    text = str(typed or "").strip()
    for attempt in (text, " ".join(f'"{word}"' for word in text.replace('"', " ").replace("\\", " ").split())):
        try:
            return parse(attempt) if attempt else None
        except QueryError:
            continue
    return None
