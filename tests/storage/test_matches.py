from collections.abc import Sequence
from dataclasses import replace

import pytest

from storage.alerts import matches, outbox, rules
from storage.archive.database import Archive
from storage.posts import saving
from storage.records import Batch, FetchedPost, Hit, MatchRow, Raw
from storage.sources import states

NOW = 1_763_800_000_000_000


@pytest.fixture
def post_id(archive: Archive) -> int:
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("spokesman", "replay", (), "junta")], NOW)
        source = states.find_source(writer, "spokesman")
        assert source is not None
        post = FetchedPost("1", Raw(b"x", "text/plain"), text="the command fell", posted_at=NOW, url="https://t.me/s/1")
        saved = saving.save(writer, source.id, Batch(posts=(post,)), now=NOW, method="test", alerts=True)
    return saved.new[0]


def found(post_id: int, **more: object) -> MatchRow:
    hits = (Hit(post_id * 2**14, "body", 4, 11, "command"),)
    row = MatchRow("fall", "v1", post_id, "hash", "match", NOW, hits, alerting=True, why="new match")
    return replace(row, **more)  # type: ignore[arg-type]


def save(archive: Archive, match: MatchRow, targets: Sequence[str] = ("desk",)) -> int | None:
    with archive.writing() as writer:
        return matches.save(writer, match, targets, NOW)


def test_a_match_and_its_deliveries_are_stored_once_however_often_it_is_told(archive: Archive, post_id: int) -> None:
    first = save(archive, found(post_id), ("desk", "hook"))
    assert first is not None
    assert save(archive, found(post_id), ("desk", "hook", "late")) is None
    with archive.reading() as reader:
        assert [row.target for row in outbox.list_deliveries(reader, first)] == ["desk", "hook"]


def test_what_is_stored_comes_back_whole(archive: Archive, post_id: int) -> None:
    row = found(post_id, kind="edited", before="the တိုင်း stood", alerting=False, why="no targets")
    stored = save(archive, row, ())
    assert stored is not None
    with archive.reading() as reader:
        assert matches.read_earlier(reader, [post_id]) == {post_id: [replace(row, id=stored)]}


def test_the_story_holds_the_texts_that_were_hit_even_after_an_edit(archive: Archive, post_id: int) -> None:
    stored = save(archive, found(post_id))
    assert stored is not None
    with archive.writing() as writer:
        rules.save_versions(writer, [("fall", "v1", "command")], NOW)
        later = FetchedPost("1", Raw(b"y", "text/plain"), text="nothing fell", posted_at=NOW)
        saving.save(writer, 1, Batch(posts=(later,)), now=NOW + 1, method="test", alerts=True)
    with archive.reading() as reader:
        story = matches.read_story(reader, stored)
    assert story is not None
    assert list(story.texts.values()) == ["the command fell"]
    assert (story.side, story.query, story.absent) == ("junta", "command", None)


def test_there_is_no_story_of_an_alert_that_does_not_exist(archive: Archive) -> None:
    with archive.reading() as reader:
        assert matches.read_story(reader, 7) is None


def test_alerts_are_listed_newest_first_by_rule_state_and_time(archive: Archive, post_id: int) -> None:
    save(archive, found(post_id))
    save(archive, found(post_id, rule="quiet", alerting=False, at=NOW + 5), ())
    with archive.reading() as reader:

        def listed(**by: object) -> list[str]:
            return [row.rule for row, _, _ in matches.list_matches(reader, **by)]  # type: ignore[arg-type]

        assert listed() == ["quiet", "fall"]
        assert listed(limit=1) == ["quiet"]
        assert listed(rule="fall") == ["fall"]
        assert listed(state="silent") == ["quiet"]
        assert listed(state="pending") == ["fall"]
        assert listed(state="sent") == []
        assert listed(since=NOW + 5) == ["quiet"]


def test_a_rule_is_as_old_as_the_first_loading_of_its_name(archive: Archive) -> None:
    with archive.writing() as writer:
        assert rules.save_versions(writer, [("fall", "v1", "a"), ("rise", "v1", "b")], NOW) == 2
        assert rules.save_versions(writer, [("fall", "v2", "a or b"), ("rise", "v1", "b")], NOW + 9) == 1
        assert rules.save_versions(writer, [("late", "v1", "c")], NOW - 9) == 1, "the clock was set back"
    with archive.reading() as reader:
        since = {name: rules.find_first_loaded(reader, name) for name in ("fall", "rise", "late", "never")}
    assert since["never"] < since["fall"] == since["rise"] < since["late"]
