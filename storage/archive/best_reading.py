"""PURE: SQL for what a revision says, as the best reader so far has read it: see storage.posts.rereading."""

BEST_READING = (
    "LEFT JOIN rereadings d ON d.id = "
    "(SELECT max(n.id) FROM rereadings n WHERE n.post_id = r.post_id AND n.revision = r.number)"
)
"""Joins the newest rereading `d` of each revision `r`, where there is one."""


def said(column: str) -> str:
    """One column of revision `r`, as its rereading `d` has it."""
    return f"iif(d.id IS NULL, r.{column}, d.{column})"
