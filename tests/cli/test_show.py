import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.show.files import text_heading
from storage.archive.database import Archive
from storage.posts import saving
from storage.records import Batch, FetchedPost, Raw
from storage.rows import TextRow
from storage.sources import states

Program = Callable[..., subprocess.CompletedProcess[str]]
NOON = 1_762_000_000_000_000


@pytest.mark.parametrize(
    "key",
    [
        "spokesman/1",
        "https://t.me/example_channel/1",
        "t.me/s/example_channel/1",
        "http://t.me/example_channel/1?single",
        "https://telegram.me/s/example_channel/1",
        "www.t.me/example_channel/1?before=9",
        "example_channel.t.me/1",
        "tg://resolve?domain=example_channel&post=1",
        "https://t.me/example_channel/77/1",
        "@example_channel/1",
    ],
)
def test_a_post_is_found_by_every_name_that_a_person_has_for_it(program: Program, key: str) -> None:
    assert json.loads(program("show", key, "--json").stdout)["native_id"] == "1"


def test_an_address_that_was_copied_with_the_marks_of_a_campaign_finds_its_post(program: Program) -> None:
    found = json.loads(program("show", "http://example.org/7?utm_source=list&fbclid=x", "--json").stdout)
    assert found["native_id"] == "guid/7"


def test_a_post_is_found_by_the_id_that_search_shows(program: Program) -> None:
    found = json.loads(program("show", "desk/guid/7", "--json").stdout)
    assert found["text"].startswith("The bridge at Lashio was held.")
    assert json.loads(program("show", found["id"], "--json").stdout) == found


def test_a_post_that_does_not_exist_is_one_sentence_and_exit_3(program: Program) -> None:
    for key in ("spokesman/999", "99999999999999999999", "https://example.org/none", "\x1b[2J", "", "/", "\udcff"):
        ran = program("show", key)
        assert ran.returncode == 3
        assert "no post" in ran.stderr
        assert len(ran.stderr.splitlines()) == 1
        assert "\x1b" not in ran.stderr
        assert "Traceback" not in ran.stderr


def test_what_was_probably_meant_is_said(program: Program) -> None:
    assert 'did you mean "spokesman"?' in program("show", "spokesmen/1").stderr
    assert "`communique search source:spokesman` shows" in program("show", "spokesman/999").stderr
    for command in (("alerts", "why", "999"), ("alerts", "retry", "999")):
        ran = program(*command)
        assert (ran.returncode, ran.stdout) == (3, "")
        assert ran.stderr == "there is no alert 999: `communique alerts list` shows them\n"


def test_the_rules_that_matched_are_named(program: Program) -> None:
    assert "matched by command\n" in program("show", "spokesman/1").stdout
    assert "    matched by command\n" in program("tail", "-n", "20").stdout


def test_everything_that_is_known_is_shown(program: Program) -> None:
    shown = program("show", "spokesman/1").stdout
    for words in (
        "A commander spoke of the regional command.\nMore was not said.",
        "The Spokesman",
        "2025-11-01 12:26:40 UTC",
        "voice  audio/ogg  8.5 s  pending",
        "said -> https://example.org/said",
        "command  match: new post",
        "console  pending",
    ):
        assert words in shown
    forwarded = program("show", "spokesman/3", "--tz", "Asia/Yangon").stdout
    assert "from Valley Voice  https://t.me/example_valley/9" in forwarded
    assert "2025-11-01 20:56:40 +0630" in forwarded


def test_history_shows_what_changed_and_when_it_was_missed(program: Program) -> None:
    edited = program("show", "desk/guid/7", "--history").stdout
    assert (
        "    - The bridge at Lashio was lost.\n    + The bridge at Lashio was held.\n      The rest stands." in edited
    )
    deleted = program("show", "desk/8", "--history").stdout
    assert "absent at 2025-11-01 16:26:40 UTC, by embed" in deleted
    assert "deleted" in deleted


def test_history_in_json_holds_every_revision_and_observation(program: Program) -> None:
    edited = json.loads(program("show", "desk/guid/7", "--history", "--json").stdout)
    assert [revision["number"] for revision in edited["history"]] == [1, 2]
    assert edited["history"][-1]["text"] == edited["text"]
    assert edited["revisions"] == 2
    deleted = json.loads(program("show", "desk/8", "--history", "--json").stdout)
    assert [(seen["presence"], seen["method"]) for seen in deleted["observations"]] == [("absent", "embed")] * 2
    assert deleted["deleted_at"] is not None


def test_raw_bytes_are_those_that_were_received(program: Program) -> None:
    ran = program("show", "spokesman/1", "--raw")
    assert ran.stdout == "<article>1 A commander spoke of the regional command.\nMore was not said.</article>"
    shown = json.loads(program("show", "spokesman/1", "--json").stdout)
    assert hashlib.sha256(ran.stdout.encode()).hexdigest() == shown["raw_sha256"]


def test_raw_bytes_are_kept_from_a_terminal_unless_a_person_insists(
    on_a_terminal: Callable[..., tuple[int, str]],
) -> None:
    code, sent = on_a_terminal("show", "spokesman/1", "--raw")
    assert code == 2
    assert "<article>" not in sent
    code, sent = on_a_terminal("show", "spokesman/1", "--raw", "--yes")
    assert code == 0
    assert "<article>" in sent


def test_tail_shows_the_newest_last(program: Program) -> None:
    lines = [json.loads(row) for row in program("tail", "-n", "3", "--source", "desk", "--jsonl").stdout.splitlines()]
    assert [post["native_id"] for post in lines] == ["guid/7", "9", "8"]
    assert program("tail", "-n", "0").stdout == ""
    assert "junta" not in program("tail", "--tag", "nobody").stdout


def test_tail_follows_what_is_archived_whatever_its_publishing_time(
    fresh: Archive, follower: Callable[..., subprocess.Popen[str]]
) -> None:
    before = [f"first {number}" for number in range(12)]
    for name in before:
        _add(fresh, name, NOON)
    following = follower("tail", "-f", "--jsonl", directory=Path(fresh.path).parent)
    assert following.stdout is not None
    shown = [json.loads(following.stdout.readline())["native_id"] for _ in before]
    assert shown == before, "what a machine reads is cut only where that is wanted"
    _add(fresh, "older", NOON - 86_400_000_000)
    assert json.loads(following.stdout.readline())["native_id"] == "older"


def _add(archive: Archive, native_id: str, at: int) -> None:
    with archive.writing() as writer:
        source = states.find_source(writer, "spokesman")
        assert source is not None
        fetched = FetchedPost(native_id, Raw(native_id.encode(), "text/plain"), f"post {native_id}", posted_at=at)
        saving.save(writer, source.id, Batch((fetched,)), now=NOON, method="replay", alerts=False)


@pytest.mark.parametrize(("language", "heading"), [("und", "[quoted]"), ("my", "[quoted my]")])
def test_a_text_whose_language_is_not_known_names_none(language: str, heading: str) -> None:
    text = TextRow(1, "quoted", "24", language, engine=None, confidence=None, current=True)
    assert text_heading(text, ()) == heading
