"""Finds the post, event or alert that a person names; says what to look for where there is none."""

from typing import TYPE_CHECKING

from bot.errors import NotFound
from bot.foreign.addresses import without_marks
from bot.foreign.text import visible
from bot.suggest import did_you_mean

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.records import Story
    from storage.rows import PostRow


def find_post_id(reader: "Reader", key: str) -> int | None:
    """Id of the post that a person names by its id, SOURCE/NATIVE_ID, URL or a link of Telegram; None without one."""
    from storage.posts import reading

    key = key.encode(errors="replace").decode()  # arguments may contain lone surrogates
    found = reading.find_post(reader, key)
    if found is None and (bare := without_marks(key)) != key:  # as addresses are stored
        found = reading.find_post(reader, bare)
    return _find_by_link(reader, key) if found is None else found


def find_event(reader: "Reader", key: str) -> int:
    """The event with this id, or that of the post that a person names. Raises NotFound."""
    from storage.events import listing

    event = listing.find_event_id(reader, int(key)) if key.isdecimal() and len(key) < 19 else None
    if event is None:
        post_id = find_post_id(reader, key)
        event = None if post_id is None else listing.find_event_id(reader, post_id)
    if event is None:
        raise NotFound(f"there is no event {visible(key)}: `communique events list` shows them")
    return event


def find_story(reader: "Reader", alert_id: int) -> "Story":
    """The alert with this number. Raises NotFound."""
    from storage.alerts import matches

    story = matches.read_story(reader, alert_id) if alert_id < 1 << 63 else None
    if story is None:
        raise NotFound(f"there is no alert {alert_id}: `communique alerts list` shows them")
    return story


def find_post(reader: "Reader", key: str) -> "PostRow":
    """The post that a person names: by its id, by SOURCE/NATIVE_ID or by its address. Raises NotFound."""
    from storage.posts import reading

    post_id = find_post_id(reader, key)
    if post_id is None:
        raise NotFound(f"there is no post {visible(key)}{_suggest_post(reader, key)}")
    return reading.read_posts(reader, [post_id])[0]


def _suggest_post(reader: "Reader", key: str) -> str:
    """How to find the post that was probably meant, as the end of a sentence."""
    from storage.sources.names import read_tags

    source, slash, _ = key.partition("/")
    if slash and "://" not in key:
        known = list(read_tags(reader))
        if source in known:
            return f": `communique search source:{visible(source)}` shows what there is"
        if near := did_you_mean(source, known):
            return near
    return ": give an id, SOURCE/NATIVE_ID or an address, as `communique search` shows them"


def _find_by_link(reader: "Reader", key: str) -> int | None:
    from bot.telegram.channel_names import read_post_link
    from storage.posts import lookup, reading

    link = read_post_link(key)
    if link is None:
        return None
    channel, number = link
    if channel.handle is None:
        return lookup.find_in_channel(reader, number, channel_id=channel.value)
    found = lookup.find_in_channel(reader, number, handle=channel.handle)
    return reading.find_post(reader, f"https://t.me/{channel.handle}/{number}") if found is None else found
