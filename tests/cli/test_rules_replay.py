"""What a rule would have matched, and what it is made of, asked before it is switched on."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.archive.database import Archive
from storage.posts import saving, texts
from storage.records import Batch, FetchedPost, Raw
from storage.sources import states

Program = Callable[..., subprocess.CompletedProcess[str]]
AT = 1_762_000_000_000_000  # 2025-11-01T12:26:40Z
SPAN = ("--since", "2025-10-01", "--until", "2025-11-30")
CONFIG = """
[[sources]]
name = "spokesman"
kind = "feed"
url = "https://example.org/feed.xml"
tags = ["junta"]

[[rules]]
name = "command"
query = '@regional-command OR armi*'
tags = ["junta"]
targets = ["desk"]

[[rules]]
name = "bridge"
query = "bridge -river"

[[rules]]
name = "nowhere"
query = "bridge"
sources = ["spokesman"]

[[terms]]
name = "regional-command"
en = ["regional command"]
my = ["တိုင်းစစ်ဌာနချုပ်"]

[[targets]]
name = "desk"
kind = "console"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def test_replay_tells_posts_per_day_in_the_scope_of_the_rule_with_samples(program: Program, config: Path) -> None:
    told = json.loads(program("rules", "replay", "command", *SPAN, "--json", config=config).stdout)
    assert (told["rule"], told["posts"]) == ("command", 2)
    assert told["days"] == [{"day": "2025-11-01", "posts": 2}]
    assert told["sources"] == [{"source": "spokesman", "posts": 2}]
    assert [[hit["text"] for hit in sample["matched"]] for sample in told["samples"]] == [
        ["တိုင်းစစ်ဌာနချုပ်"],
        ["regional command"],
    ]
    shown = program("rules", "replay", "command", *SPAN, "--samples", "1", config=config)
    assert "2 posts on 1 of " in shown.stdout
    assert "alerts desk" in shown.stdout
    assert shown.stdout.count("spokesman/") + shown.stdout.count("https://t.me/example_channel/") == 1
    assert "\r" not in shown.stderr, "progress is for terminals"


def test_replay_and_search_and_count_agree(program: Program, config: Path) -> None:
    told = json.loads(program("rules", "replay", "bridge", *SPAN, "--json", "--samples", "9", config=config).stdout)
    found = json.loads(program("search", "bridge -river", *SPAN, "--json").stdout)
    assert told["posts"] == len(found) > 1
    assert [sample["id"] for sample in told["samples"]] == [post["id"] for post in found]


def test_days_are_those_of_the_zone(program: Program) -> None:
    told = json.loads(
        program("rules", "replay", "--query", "command", *SPAN, "--tz", "Pacific/Kiritimati", "--json").stdout
    )
    assert told["days"] == [{"day": "2025-11-02", "posts": 1}]


def test_a_rule_without_a_source_in_the_archive_would_have_fired_nothing(program: Program, config: Path) -> None:
    config.write_text(CONFIG.replace('"spokesman"', '"somebody"'), encoding="utf-8")
    ran = program("rules", "replay", "nowhere", *SPAN, "--exit-code", config=config)
    assert (ran.returncode, ran.stderr) == (3, "nothing would have matched\n")
    assert program("rules", "replay", "nowhere", *SPAN, config=config).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("replay",), "give the NAME of a rule, or --query"),
        (("explain", "command", "--query", "x"), "give the NAME of a rule, or --query"),
        (("replay", "comand"), 'did you mean "command"?'),
        (("explain", "--query", '"open'), "^"),
        (("explain", "--query", "@regional-comand"), "did you mean @regional-command?"),
        (("replay", "--query", "x", "--since", "soon"), "--since"),
    ],
)
def test_a_mistake_is_wrong_usage(program: Program, config: Path, arguments: tuple[str, ...], part: str) -> None:
    ran = program("rules", *arguments, config=config)
    assert ran.returncode == 2
    assert part in ran.stderr


def test_explain_shows_the_tree_the_folded_forms_and_the_cost(program: Program, config: Path) -> None:
    ran = program("rules", "explain", "command", config=config)
    assert ran.returncode == 0
    for part in (
        "looks in   tag junta",
        "targets    desk",
        "@regional-command is any of: regional command | တိုင်းစစ်ဌာနချုပ်",
        "“တိုင်းစစ်ဌာနချုပ်”",
        "“armi*”; exactly “army (plural)”",
        "tried only where one of these occurs: ",
        "as a search it reads 2 of 11 posts, which the index finds",
    ):
        assert part in ran.stdout, ran.stdout


def test_explain_says_when_nothing_narrows_a_rule(program: Program) -> None:
    ran = program("rules", "explain", "--query", r"NOT (/f.ll\b/ OR has:voice)")
    assert "  not\n    any of\n      the regular expression “f.ll\\b”\n      has: “voice”" in ran.stdout
    assert "tried on every post" in ran.stdout
    assert "no index can help" in ran.stdout


def test_explain_shows_no_sign_that_only_the_index_knows(program: Program) -> None:
    ran = program("rules", "explain", "--query", 'KIA "НАТО ВСУ"')
    assert "“kia”" in ran.stdout
    assert "\ue001" not in ran.stdout
    assert re.search(r"^  of the newest posts that is \d+ of \d+$", ran.stdout, re.MULTILINE)


def test_explain_needs_no_archive(inside: Program) -> None:
    ran = inside("rules", "explain", "--query", "commands")
    assert "the words “command”" in ran.stdout
    assert "not measured: nothing is collected yet" in ran.stdout


def test_a_keyword_of_one_burmese_syllable_warns_and_is_not_refused(program: Program, config: Path) -> None:
    for arguments in (
        ("search", "တပ်"),
        ("rules", "test", "--query", "တပ်", "တပ်"),
        ("rules", "explain", "--query", "တပ်"),
        ("rules", "replay", "--query", "တပ်"),
    ):
        ran = program(*arguments, config=config)
        assert ran.returncode == 0, arguments
        assert "warning: တပ် is one syllable" in ran.stderr, arguments
    defaults = '\n[defaults]\ntargets = ["desk"]\n'
    config.write_text(CONFIG.replace("bridge -river", "တပ်") + defaults, encoding="utf-8")
    checked = program("config", "check", config=config)
    assert checked.returncode == 0
    assert "config.toml:16:9 rules[1].query: တပ် is one syllable" in checked.stderr


def test_search_reads_terms_of_the_config_and_rules_test_shows_their_forms(program: Program, config: Path) -> None:
    found = json.loads(program("search", "@regional-command", "--json", config=config).stdout)
    assert [post["native_id"] for post in found] == ["2", "1"]
    ran = program("rules", "test", "command", "ARMIES; the Regional Commands", config=config)
    assert "found as “ARMIES”" in ran.stdout
    assert "found as “Regional Commands”" in ran.stdout
    refused = program("search", "@regional", config=config)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "There is no term @regional: did you mean @regional-command?" in refused.stderr


def test_zawgyi_is_shown_as_written_and_marked_in_unicode(program: Program, fresh: Archive) -> None:
    written = "စစ္ေကာင္စီက ေၾကညာခ်က္ ထုတ္ျပန္သည္။ ၿမိဳ႕ေဟာင္းတြင္ တိုက္ပြဲျဖစ္"
    with fresh.writing() as writer:
        source = states.find_source(writer, "spokesman")
        assert source is not None
        told = tuple(
            FetchedPost(str(number), Raw(b"%d" % number, "text/plain"), text, posted_at=AT)
            for number, text in enumerate((written, "စစ်ကောင်စီ"), 1)
        )
        saving.save(writer, source.id, Batch(told), now=AT, method="replay", alerts=False)
    place = {"COMMUNIQUE_DATA_DIR": str(fresh.path.parent)}
    [found] = json.loads(program("search", "မြို့ဟောင်း", "--json", **place).stdout)
    assert found["text"] == written
    assert [hit["text"] for hit in found["matched"]] == ["ၿမိဳ႕ေဟာင္း"]
    assert (found["language"], found["zawgyi"]) == ("my", True)
    shown = program("show", "spokesman/1", **place).stdout
    assert written in shown
    mark = shown.index("[the text above in Unicode; it was written in Zawgyi]")
    assert shown.index(written) < mark < shown.index("စစ်ကောင်စီက ကြေညာချက်")
    assert json.loads(program("show", "spokesman/1", "--json", **place).stdout)["text_unicode"].startswith("စစ်ကောင်စီက")
    assert "my, written in Zawgyi" in shown
    plain = program("show", "spokesman/2", **place).stdout
    assert "Unicode" not in plain
    assert "Zawgyi" not in plain
    with fresh.writing() as writer:
        post_id = writer.value("SELECT id FROM posts WHERE native_id = '2'")
        heard = texts.MachineText("transcript", written, "my", 0.9, "ears", "stub")
        texts.save_machine_text(writer, None, heard, post_id=post_id)
    [post] = json.loads(program("search", "in:transcript မြို့ဟောင်း", "--json", **place).stdout)
    assert (post["zawgyi"], [text["zawgyi"] for text in post["texts"]]) == (False, [True])
    assert "မြို့ဟောင်းတွင်" in program("show", "spokesman/2", **place).stdout
    assert json.loads(program("show", "spokesman/2", "--json", **place).stdout)["text_unicode"] is None
