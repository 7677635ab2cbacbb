"""The statement that finds the posts of each fact beside their words, by an index on posts, files or texts."""

from __future__ import annotations

from storage.archive.database import in_list
from storage.posts.ids import TEXT_BITS

_IN_WINDOW = "id >= :low AND id < :high"
WITH = {
    "source": f"SELECT id FROM posts INDEXED BY posts_by_source WHERE source_id {in_list('values')} AND {_IN_WINDOW}",
    "file": (
        f"SELECT post_id FROM media INDEXED BY media_by_kind WHERE kind {in_list('values')} "
        "AND post_id >= :low AND post_id < :high"
    ),
    "forward": f"SELECT id FROM posts INDEXED BY posts_forwarded WHERE forward IS NOT NULL AND {_IN_WINDOW}",
    "reply": f"SELECT id FROM posts INDEXED BY posts_replying WHERE reply_to IS NOT NULL AND {_IN_WINDOW}",
    "edit": (
        f"SELECT id FROM posts INDEXED BY posts_edited WHERE (edited_at IS NOT NULL OR revision > 0) AND {_IN_WINDOW}"
    ),
    "lang": (
        f"SELECT id >> {TEXT_BITS} FROM texts INDEXED BY texts_by_fold WHERE fold_version {in_list('versions')} "
        f"AND language {in_list('values')} AND id >= :low << {TEXT_BITS} AND id < :high << {TEXT_BITS}"
    ),
    # Every text that is still folded by another version is read: no index can tell what it holds by this one.
    "stale": (
        f"SELECT id >> {TEXT_BITS} FROM texts WHERE fold_version {in_list('values')} "
        f"AND id >= :low << {TEXT_BITS} AND id < :high << {TEXT_BITS}"
    ),
}
WHOLE = {
    "event": f"SELECT post_id FROM event_posts WHERE event_id {in_list('values')} LIMIT :most + 0",
    "rule": f"SELECT DISTINCT post_id FROM matches WHERE rule {in_list('values')} LIMIT :most + 0",
}
RULES = (
    "WITH RECURSIVE found (rule) AS (SELECT min(rule) FROM matches UNION ALL "
    "SELECT (SELECT min(rule) FROM matches WHERE rule > found.rule) FROM found WHERE found.rule IS NOT NULL) "
    "SELECT rule FROM found WHERE rule IS NOT NULL"
)
