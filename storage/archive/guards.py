"""Triggers by which the file itself refuses that anything archived is changed or removed."""

# `folded` and `fold_version` are free: they follow from the text, and a better folding writes them again.
_FROZEN = ("id", "post_id", "kind", "revision", "media_id", "text", "language", "engine")
_NEVER = ("raw", "dictionaries", "fetches", "revisions", "rereadings", "observations", "disappearances")
_KEPT = (*_NEVER, "texts", "posts")
_MACHINE = ("confidence", "model", "unreliable", "segments")


def _refusing(table: str, event: str, name: str) -> tuple[str, str]:
    return name, (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed or removed'); END"
    )


GUARDS = dict(
    [_refusing(table, "UPDATE", f"{table}_stay_as_they_are") for table in _NEVER]
    + [_refusing(table, "DELETE", f"{table}_stay") for table in _KEPT]
    + [_refusing("texts", f"UPDATE OF {', '.join((*_FROZEN, *_MACHINE))}", "texts_stay_as_they_are")]
)
