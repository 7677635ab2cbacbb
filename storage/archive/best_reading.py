"""PURE: SQL for what a revision says, as the best reader so far has read it: see storage.posts.rereading."""

BEST_READING = (
    "LEFT JOIN rereadings d ON d.id = "
    "(SELECT max(n.id) FROM rereadings n WHERE n.post_id = r.post_id AND n.revision = r.number)"
)
"""Joins the newest rereading `d` of each revision `r`, where there is one."""


HASH = "coalesce(d.content_hash, r.content_hash)"
READ_AGAIN = "iif(d.text IS NULL, NULL, d.at)"
"""When other words were found; NULL where a later reader has found the same, or there was none."""

AS_RECEIVED = (
    "iif(r.text_number IS NULL, r.text, (SELECT substr(own.text, iif(r.title <> '', length(r.title) + 3, 1)) "
    "FROM texts own WHERE own.id = r.post_id << 14 | r.text_number))"
)
"""The text of revision `r` as it was read when it came: see storage.posts.texts.find_number."""


def said(column: str) -> str:
    """One column of revision `r`, as its rereading `d` has it."""
    return f"iif(d.text IS NULL, {AS_RECEIVED if column == 'text' else f'r.{column}'}, d.{column})"
