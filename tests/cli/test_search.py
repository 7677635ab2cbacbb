import csv
import io
import json
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cli.query import parse_query
from bot.errors import UserError
from bot.listing.snippets import cut_snippets
from storage.rows import MediaRow, PostRow

Program = Callable[..., subprocess.CompletedProcess[str]]
CONTRACT = {
    "id", "source", "native_id", "url", "author", "title", "posted_at", "posted_raw", "collected_at", "edited_at",
    "deleted_at", "text", "language", "zawgyi", "media", "texts", "links", "rules", "forwarded_from", "reply_to", "revisions",
    "raw_sha256", "matched", "event", "copy_of", "copy_reason", "copy_likeness", "quotes", "time_problem",
}  # fmt: skip


POST = PostRow(1, "s", "1", None, None, None, 0, "", 0, None, None, "", "und", None, None, "")


def ids(ran: subprocess.CompletedProcess[str]) -> list[str]:
    assert ran.stderr == ""
    return [f"{found['source']}/{found['native_id']}" for found in json.loads(ran.stdout)]


def test_the_newest_post_comes_first_with_its_source_times_address_and_the_words_around_the_hit(
    program: Program,
) -> None:
    ran = program("search", "lashio")
    assert ran.returncode == 0
    head, address, words = ran.stdout.splitlines()[:3]
    assert head == "desk  2025-11-01 15:26 UTC  collected 2025-11-01 15:26 UTC  edited"
    assert address.endswith("http://example.org/7")
    assert words == "    A bridge: The bridge at Lashio was held. The rest stands."


def test_where_words_were_found_counts_in_the_title_or_in_the_text_that_json_shows(program: Program) -> None:
    [post] = json.loads(program("search", "bridge held", "--json").stdout)
    assert [found["kind"] for found in post["matched"]] == ["title", "body", "body"]
    for found in post["matched"]:
        words = post["title"] if found["kind"] == "title" else post["text"]
        assert words[found["start"] : found["end"]] == found["text"] in {"bridge", "held"}


def test_a_post_without_words_is_shown_by_its_files() -> None:
    silent = replace(POST, media=(MediaRow("voice", None, None, None, None, "pending", None, None, 4.0),))
    [(piece, _)] = cut_snippets(silent, (), {})
    assert piece.text == "[voice]"
    [(piece, _)] = cut_snippets(POST, (), {})
    assert piece.text == "[no words]"


def test_a_source_that_nobody_knows_is_named(program: Program) -> None:
    for ran in (program("search", "lashio", "--source", "spokesmen"), program("tail", "--source", "spokesmen")):
        assert (ran.returncode, ran.stdout) == (3, "")
        assert 'no source spokesmen in the archive; did you mean "spokesman"?' in ran.stderr


def test_a_tag_or_rule_that_nobody_knows_is_named(program: Program) -> None:
    for ran in (program("search", "lashio", "--tag", "junat"), program("tail", "--tag", "junat")):
        assert (ran.returncode, ran.stdout) == (3, "")
        assert 'there is no tag junat in the archive; did you mean "junta"?' in ran.stderr
    for form in ((), ("--json",)):
        ran = program("alerts", "list", "--rule", "nothing-like-it", *form)
        assert "there is no rule nothing-like-it in the archive" in ran.stderr
        assert ran.returncode == 3
    known = program("search", "bridge", "--source", "spokesman", "--source", "spokesmen")
    assert (known.returncode, bool(known.stdout)) == (0, True), "what a known name finds is shown"
    assert "warning" not in program("search", "lashio", "--tag", "junta").stderr


def test_names_in_a_query_that_the_archive_does_not_know_are_named(program: Program) -> None:
    ran = program("search", "lashio (source:spokesmen OR -tag:jnta) side:junte rule:nobody source:spoke*")
    assert ran.stderr.splitlines()[:4] == [
        'warning: there is no source spokesmen in the archive; did you mean "spokesman"?',
        'warning: there is no tag jnta in the archive; did you mean "junta"?',
        'warning: there is no side junte in the archive; did you mean "junta"?',
        "warning: there is no rule nobody in the archive; `communique rules list` shows them",
    ]


def test_slips_in_a_query_are_said_and_it_is_searched(program: Program) -> None:
    ran = program("search", "lashio or bridge")
    assert ran.stderr.startswith('warning: "or" is looked for as a word: write OR')
    assert ran.returncode == 0


def test_json_is_the_contract(program: Program) -> None:
    [found] = json.loads(program("search", "regional command", "--json").stdout)
    assert set(found) == CONTRACT
    digits = found.pop("id")
    assert isinstance(digits, str)
    assert digits.isdigit()
    assert len(found.pop("raw_sha256")) == 64
    assert found.pop("language")
    assert [(hit["kind"], hit["text"]) for hit in found.pop("matched")][-1] == ("body", "command")
    assert found == {
        "source": "spokesman",
        "native_id": "1",
        "url": "https://t.me/example_channel/1",
        "author": "The Spokesman",
        "title": None,
        "posted_at": "2025-11-01T12:26:40Z",
        "posted_raw": "2025-11-01T12:26:40+00:00",
        "time_problem": None,
        "collected_at": "2025-11-01T14:26:41.500Z",
        "edited_at": None,
        "deleted_at": None,
        "text": "A commander spoke of the regional command.\nMore was not said.",
        "zawgyi": False,
        "media": [
            {
                "kind": "voice",
                "mime": "audio/ogg",
                "name": None,
                "bytes": None,
                "sha256": None,
                "state": "pending",
                "reason": None,
                "path": None,
                "duration_s": 8.5,
                "sniffed": None,
            }
        ],
        "texts": [],
        "links": [{"text": "said", "url": "https://example.org/said"}],
        "rules": ["command"],
        "event": None,
        "copy_of": None,
        "copy_reason": None,
        "copy_likeness": None,
        "quotes": None,
        "forwarded_from": None,
        "reply_to": None,
        "revisions": 1,
    }


def test_a_time_that_is_not_understood_has_one_label_everywhere(program: Program) -> None:
    (post,) = json.loads(program("search", '"No date here"', "--json").stdout)
    assert (post["posted_at"], post["posted_raw"]) == (None, "last Tuesday")
    assert post["time_problem"] == "time not understood"
    for shown in (program("search", '"No date here"'), program("show", post["id"])):
        assert "time not understood (last Tuesday)" in shown.stdout


def test_json_lines_and_csv_carry_the_same_posts(program: Program) -> None:
    whole = json.loads(program("search", "bridge", "--json").stdout)
    lines = [json.loads(row) for row in program("search", "bridge", "--jsonl").stdout.splitlines()]
    rows = list(csv.DictReader(io.StringIO(program("search", "bridge", "--csv").stdout)))
    assert lines == whole
    assert [row["id"] for row in rows] == [post["id"] for post in whole]
    assert set(rows[0]) <= CONTRACT


def test_lists_in_a_csv_cell_are_joined_by_a_bar_and_objects_show_what_they_are(program: Program) -> None:
    [row] = csv.DictReader(io.StringIO(program("search", "regional command", "--csv").stdout))
    assert row["rules"] == "command"
    assert row["media"] == "voice"
    assert row["links"] == "https://example.org/said"


def test_burmese_is_found_inside_running_text(program: Program) -> None:
    assert ids(program("search", "စစ်ဌာနချုပ်", "--json")) == ["spokesman/2"]


def test_an_export_that_finds_nothing_is_written_and_says_so(program: Program, tmp_path: Path) -> None:
    for wanted, code in ((("neverwritten",), 0), (("neverwritten", "--exit-code"), 3), (("bridge", "--exit-code"), 0)):
        made = program("export", "--format", "csv", *wanted, "-o", str(tmp_path / "out.csv"))
        assert (made.returncode, "nothing was found: 0 posts in" in made.stderr) == (code, wanted[0] == "neverwritten")
        assert (tmp_path / "out.csv.manifest.json").exists()


def test_nothing_found_is_no_failure_unless_asked(program: Program) -> None:
    quiet = program("search", "neverwritten")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "nothing found\n")
    assert program("search", "neverwritten", "--exit-code").returncode == 3
    assert program("search", "bridge", "--exit-code", "--json").returncode == 0
    assert json.loads(program("search", "neverwritten", "--json").stdout) == []


def test_count_tells_only_how_many(program: Program) -> None:
    assert program("search", "bridge", "--count").stdout == "3\n"
    assert json.loads(program("search", "bridge", "--count", "--json").stdout) == {"count": 3}
    assert program("search", "neverwritten", "--count", "--exit-code").returncode == 3


def test_a_search_can_be_narrowed_to_sources_tags_times_and_a_number(program: Program) -> None:
    assert ids(program("search", "bridge", "--source", "spokesman", "--json")) == ["spokesman/3"]
    assert ids(program("search", "bridge", "--tag", "junta", "--json")) == ["spokesman/3"]
    assert ids(program("search", "bridge", "--until", "2025-11-01T15:00Z", "--json")) == ["spokesman/3"]
    assert ids(program("search", "bridge", "--since", "2025-11-02", "--tz", "UTC", "--json")) == []
    assert len(ids(program("search", "bridge", "--limit", "1", "--json"))) == 1


def test_history_finds_words_that_were_edited_away(program: Program) -> None:
    assert ids(program("search", '"Lashio was lost"', "--json")) == []
    assert ids(program("search", '"Lashio was lost"', "--history", "--json")) == ["desk/guid/7"]


def test_hits_are_marked_when_asked_and_in_colour_by_default(program: Program) -> None:
    assert "«bridge»" in program("search", "bridge", "--highlight").stdout
    assert "\x1b[1mbridge\x1b[0m" in program("search", "bridge", FORCE_COLOR="1").stdout
    assert "\x1b[1mbridge" not in program("search", "bridge", "--no-highlight", FORCE_COLOR="1").stdout


def test_times_are_shown_in_the_zone_that_was_asked_for(program: Program) -> None:
    assert "2025-11-01 21:56 +0630" in program("search", "lashio", "--tz", "Asia/Yangon").stdout
    refused = program("search", "lashio", "--tz", "Mars/Olympus")
    assert refused.returncode == 2
    assert "Mars/Olympus" in refused.stderr


@pytest.mark.parametrize("query", ['"', "bridge AND", "NEAR("])
def test_bad_input_60_a_query_that_cannot_be_read_is_pointed_at(program: Program, query: str) -> None:
    ran = program("search", query)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].strip() == "^"
    assert ran.stdout == ""


@pytest.mark.parametrize(
    "query", ["foo-bar", "C++", "c'est", "a;b", "%", "\udcff", "🙂", "col:x", "*", "\x00", "NOT", "a\tb"]
)
def test_bad_input_60_odd_words_are_understood_or_refused_in_a_sentence(query: str) -> None:
    with suppress(UserError):
        parse_query(query)


def test_bad_input_60_words_with_signs_are_searched(program: Program) -> None:
    for query in ("foo-bar", "C++"):
        ran = program("search", query)
        assert (ran.returncode, ran.stdout) == (0, "")


def test_a_time_that_cannot_be_read_is_named_with_the_grammar(program: Program) -> None:
    ran = program("search", "bridge", "--since", "last week")
    assert ran.returncode == 2
    assert "--since" in ran.stderr
    assert "yesterday" in ran.stderr
