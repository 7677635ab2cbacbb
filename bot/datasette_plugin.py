"""The plug-in for Datasette (0.65): its search finds what people type, in every script.

Datasette loads it by its entry point where both are installed. It adds the SQL functions of
storage.search.sql_functions to every archive that is opened, lets the search boxes of `posts_readable` and
`texts_readable` fold what is typed, and adds the query `search`, which finds the posts that `communique search` finds.
"""

from typing import TYPE_CHECKING, Any

from datasette import hookimpl

from storage.search import sql_functions

if TYPE_CHECKING:
    from storage.archive.database import Connection

_QUERY = {
    "sql": sql_functions.SEARCH,
    "title": "Search the posts",
    "description": "The language of rules and of `communique search`: words, phrases, AND OR NOT, source: since: has:",
    "hide_sql": True,
}


@hookimpl(trylast=True)  # after Datasette's own function of the same name
def prepare_connection(conn: "Connection") -> None:
    """Add the functions; the search box folds what is typed instead of quoting it."""
    if sql_functions.register(conn):
        conn.create_function("escape_fts", 1, sql_functions.match_expression)


@hookimpl
async def canned_queries(datasette: Any, database: str) -> dict[str, dict[str, object]]:
    """Offer the query `search` on every archive."""
    found = await datasette.get_database(database).execute(sql_functions.HAS_INDEX)
    return {"search": dict(_QUERY)} if found.first() else {}


@hookimpl
def get_metadata(datasette: Any) -> dict[str, object]:
    """Give the views of posts and of texts a search box."""
    searched = {
        "posts_readable": {"fts_table": "posts_index", "fts_pk": "id"},
        "texts_readable": {"fts_table": "posts_index", "fts_pk": "post_id"},
    }
    return {"databases": {name: {"tables": searched} for name in datasette.databases if not name.startswith("_")}}
