"""The files of posts: what a source says of them, and whether we have the bytes."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import TYPE_CHECKING

from storage.content import fit, fit_or_none, whole
from storage.database import insert_many
from storage.records import FetchedMedia

if TYPE_CHECKING:
    from storage.database import Writer


_WAITING = "media.state IN ('pending', 'not downloadable')"


def keep(writer: Writer, shown: Iterable[tuple[int, int, tuple[FetchedMedia, ...]]]) -> dict[tuple[int, str], int]:
    """Store the files that revisions show: (post id, revision, files); the id of each by post and key.

    A file that is known gets its newest address. One without an address is "not downloadable", with the reason.
    """
    shown = list(shown)
    rows = [_row(post_id, revision, media) for post_id, revision, files in shown for media in files]
    if not rows:
        return {}
    insert_many(
        writer,
        "INSERT INTO media (post_id, key, kind, url, mime, name, bytes, duration_s, revision, state, reason) "
        "VALUES (:post_id, :key, :kind, :url, :mime, :name, :bytes, :duration_s, :revision, :state, :reason) "
        "ON CONFLICT (post_id, key) DO UPDATE SET url = excluded.url, name = excluded.name, "
        "revision = excluded.revision, "
        f"state = CASE WHEN {_WAITING} THEN excluded.state ELSE media.state END, "
        f"reason = CASE WHEN {_WAITING} THEN excluded.reason ELSE media.reason END",
        rows,
    )
    posts = ", ".join(str(post_id) for post_id, _, files in shown if files)
    found = writer.exec_driver_sql(f"SELECT id, post_id, key FROM media WHERE post_id IN ({posts})")
    return {(row.post_id, row.key): row.id for row in found}


def _row(post_id: int, revision: int, media: FetchedMedia) -> dict[str, object]:
    duration = media.duration_s
    return {
        "post_id": post_id,
        "key": fit(media.key),
        "kind": media.kind,
        "url": fit_or_none(media.url),
        "mime": fit_or_none(media.mime),
        "name": fit_or_none(media.name),
        "bytes": whole(media.bytes),
        "duration_s": float(duration) if duration is not None and isfinite(duration) else None,
        "revision": revision,
        "state": "pending" if media.url else "not downloadable",
        "reason": None if media.url else fit(media.reason or "the source gives no address for it"),
    }
