"""Everything that a message about a match contains, read in one transaction."""

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from bot.alerts.document import FirstAlert
from bot.contracts.message import CopiesShown
from bot.documents.event import list_copy_lines
from storage.alerts import matches, outbox
from storage.events import facing, heard
from storage.events.spread import read_spread
from storage.frozen import dataclass
from storage.posts import reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.archive.database import Reader
    from storage.records import PostRow, Statement, Story


@dataclass(frozen=True, slots=True)
class AlertMaterial:
    """A match, its post, the first alert that the target got about it, and what is said of copies."""

    story: "Story"
    post: "PostRow"
    first: FirstAlert | None
    copies: CopiesShown


@dataclass(frozen=True, slots=True)
class ReadTogether:
    """What is read of several matches at once, which is faster: their posts, and the statements that they face."""

    posts: "Mapping[int, PostRow]"
    faced: "Mapping[int, tuple[Statement, Statement]]"

    @classmethod
    def of(cls, reader: "Reader", match_ids: "Sequence[int]") -> Self:
        posts = reading.read_posts(reader, matches.list_posts(reader, match_ids))
        return cls({post.id: post for post in posts}, facing.read_facing(reader, match_ids))


def read_alert(reader: "Reader", match_id: int, target: str, together: ReadTogether | None = None) -> AlertMaterial:
    """Read what a message about this match to this target contains; the foreign keys guarantee that it exists."""
    together = together or ReadTogether.of(reader, [match_id])
    story = matches.read_story(reader, match_id)
    assert story is not None
    post = together.posts[story.match.post_id]
    faced = together.faced.get(match_id)
    story = replace(story, thread=heard.read_thread(reader, post.id), facing=faced)
    first = outbox.find_first_alert(reader, match_id, target)
    if first is None and faced is not None:
        first = heard.find_message_about(reader, faced[0].match_id, target)
    if first is None and story.thread is not None:
        first = heard.find_first_message(reader, story.thread.event, story.match.rule, target)
    shown = CopiesShown()
    if post.event is not None and story.match.kind == "match":
        shown = count_copies(reader, post.event, post.id)
    return AlertMaterial(story, post, FirstAlert(*first) if first else None, shown)


def count_copies(reader: "Reader", event_id: int, post_id: int) -> CopiesShown:
    """What a message about this post says of its copies."""
    spread = read_spread(reader, event_id, beside=post_id)
    return CopiesShown(spread.copies, tuple(list_copy_lines(spread)))
