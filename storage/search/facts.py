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
OF_POST = {  # the same of a post `p`
    "source": f"p.source_id {in_list('values')}",
    "file": f"EXISTS (SELECT 1 FROM media m WHERE m.post_id = p.id AND m.kind {in_list('values')})",
    "forward": "p.forward IS NOT NULL",
    "reply": "p.reply_to IS NOT NULL",
    "edit": "(p.edited_at IS NOT NULL OR p.revision > 0)",
    "lang": (  # the language of the only current text is that of the post
        f"(p.language {in_list('values')} OR p.texts > 1 AND EXISTS (SELECT 1 FROM texts t NOT INDEXED "
        f"WHERE t.id >= p.id << {TEXT_BITS} AND t.id < (p.id + 1) << {TEXT_BITS} AND t.language {in_list('values')}))"
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
