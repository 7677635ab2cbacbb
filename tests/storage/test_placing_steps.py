"""The texts before a post: those of earlier replies, however its own reply is walked through."""

from storage.archive.database import Archive
from storage.events.steps import Arrived, EarlierTexts, read_next
from storage.posts import saving
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states

NOW = 1_763_800_000_000_000
MINUTE = 60_000_000


def store(archive: Archive, numbers: range) -> None:
    """One reply with these posts, a minute apart."""
    posts = [
        FetchedPost(str(number), Raw(b"{}", "application/json"), f"post {number}", number, NOW + number * MINUTE)
        for number in numbers
    ]
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("wire", "replay")], NOW)
        saving.save(writer, 1, Batch(posts=tuple(posts)), now=NOW + 60 * MINUTE, method="test", alerts=True)


def test_posts_of_one_reply_have_the_same_texts_before_them_asked_in_turn_or_alone(archive: Archive) -> None:
    store(archive, range(10, 12))
    store(archive, range(20, 23))
    store(archive, range(5))  # older ones, fetched later
    store(archive, range(24, 67))
    store(archive, range(8, 90, 9))  # around all of them
    with archive.reading() as reader:
        steps = read_next(reader, 100)
        in_turn = EarlierTexts(reader)
        found = {one.text: in_turn.read(one, 3) for one in steps if isinstance(one, Arrived)}
        alone = {one.text: EarlierTexts(reader).read(one, 3) for one in steps if isinstance(one, Arrived)}
    assert found == alone
    assert found["post 20"] == found["post 22"] == ["post 11", "post 10"]
    assert found["post 80"] == found["post 89"] == ["post 66", "post 65", "post 64"]
    assert (found["post 8"], found["post 17"]) == (["post 4", "post 3", "post 2"], ["post 11", "post 10", "post 4"])
    assert found["post 10"] == found["post 11"] == found["post 0"] == found["post 4"] == []
