import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.clock import MINUTE, SECOND
from bot.config import Config, load
from bot.config.environment import Environment
from bot.contracts.settings import SecretFile
from bot.errors import ConfigError
from bot.listing.kinds import every_kind

Write = Callable[[str], Path]
Read = Callable[..., Config]
Mistakes = Callable[..., list[str]]

SHOWN = "; `communique config example` shows them all"
SOURCE = """
[[sources]]
name = "spokesman"
kind = "telegram_web"
channel = "junta_spokesman"
tags = ["junta"]
"""
RULE = """
[[rules]]
name = "regional-command"
query = '"regional command"'
"""
TARGET = """
[[targets]]
name = "terminal"
kind = "console"
"""


def test_a_config_is_one_value(read: Read) -> None:
    config = read('[defaults]\nevery = "5m"\ntargets = ["terminal"]\n' + SOURCE + RULE + TARGET)
    (source,), (rule,) = config.sources, config.rules
    assert (source.name, source.kind, config.every(source)) == ("spokesman", "telegram_web", 5 * MINUTE)
    assert config.rule_targets(rule) == ("terminal",)
    assert config.rule_sources(rule) == (source,)
    assert config.zone.key == "Asia/Yangon"
    assert config.warnings == ()


def test_an_empty_file_is_a_config(read: Read, tmp_path: Path) -> None:
    config = read("")
    assert (config.sources, config.rules, config.targets) == ((), (), ())
    assert config.defaults.every == 2 * MINUTE
    assert config.directory == tmp_path


def test_no_file_at_all_is_a_config_and_a_missing_one_that_was_asked_for_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load(None, Environment(), kinds=every_kind()).path is None
    with pytest.raises(ConfigError, match=r"other\.toml: there is no such file"):
        load(Path("other.toml"), Environment(), kinds=every_kind())


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(mistakes: Mistakes) -> None:
    assert mistakes(
        """\
[http]
user_agent = 5
proxi = "http://proxy.example"
[http.hosts."t.me"]
intervall = "2s"
[[rules]]
name = "two words"
query = "a"
priority = "urgent"
keywrods = ["x"]
tags = "junta"
[[rules]]
query = "b"
[storge]
"""
    ) == [
        "2:14 http.user_agent: expected a string, got 5",
        '3:1 http.proxi: unknown key; did you mean "proxy"?',
        '4:1 http.hosts."t.me".interval: is missing',
        '5:1 http.hosts."t.me".intervall: unknown key; did you mean "interval"?',
        "7:8 rules[0].name: a name has 1 to 64 characters, no spaces, quotes or slashes",
        '9:12 rules[0].priority: expected "min", "low", "default", "high" or "max", got "urgent"',
        f"10:1 rules[0].keywrods: unknown key{SHOWN}",
        '11:8 rules[0].tags: expected a list, got "junta"; for example: tags = ["official"]',
        '12:1 rules[1].name: is missing; for example: name = "regional-command"',
        '14:1 storge: unknown section; did you mean "storage"?',
    ]


def test_a_value_that_may_have_several_types_is_told_once(mistakes: Mistakes) -> None:
    target = '[[targets]]\nname = "desk"\nkind = "telegram"\ntoken_file = "token"\nchat = ["x"]\n'
    assert mistakes(target)[-1] == "5:8 targets[0].chat: expected a whole number or a string, got a list"
    either = 'targets[0].topic: expected a whole number or "per-event", got '
    for written in ('"per event"', "true", "1.5"):
        assert either + written in mistakes(f"{target}topic = {written}\n")[-1]
    assert mistakes(f"{target}topic = 0\n")[-1].endswith('expected a number of at least 1 or "per-event", got 0')


def test_kinds_are_checked_by_name(mistakes: Mistakes) -> None:
    assert mistakes(
        '[[sources]]\nname = "x"\nkind = "telegramweb"\n[[sources]]\nname = "y"\n[[targets]]\nkind = 3\n'
    ) == [
        '3:8 sources[0].kind: unknown kind "telegramweb"; did you mean "telegram_web"?',
        next(line for line in mistakes('[[sources]]\nname = "y"\n')).replace("1:1 sources[0]", "4:1 sources[1]"),
        "7:8 targets[0].kind: expected a string, got 3",
    ]
    assert '"feed", ' in mistakes('[[sources]]\nname = "y"\n')[0]


def test_a_key_in_capitals_is_recognised(mistakes: Mistakes) -> None:
    [told] = mistakes('[[sources]]\nname = "y"\nKind = "feed"\n')
    assert told == '1:1 sources[0].kind: is missing; did you mean "kind" in place of "Kind"?'
    told = mistakes('[[sources]]\nname = "y"\nkind = "feed"\nURL = "https://a.example/"\n')[-1]
    assert told == '4:1 sources[0].URL: unknown key; did you mean "url"?'


def test_what_is_near_to_nothing_known_is_answered_with_what_there_is(mistakes: Mistakes) -> None:
    assert mistakes('[backup]\nplace = "x"\n')[0] == '2:1 backup.place: unknown key; it may be "every", "keep", "to"'
    assert mistakes("[network]\n") == [f"1:1 network: unknown section{SHOWN}"]
    [told] = mistakes('[defaults]\ntimezone = "Mars/Base"\n')
    assert told == '2:12 defaults.timezone: unknown time zone; a zone is written like "Asia/Yangon" or "UTC"'


@pytest.mark.parametrize("written", ['"22-7"', '["22:00-07:00"]', '{from = "22:00", to = "07:00"}'])
def test_quiet_hours_in_another_form_are_answered_with_an_example(mistakes: Mistakes, written: str) -> None:
    [told] = mistakes(f"{TARGET}quiet = {written}\n")
    assert told.endswith('; for example: quiet = [{from = "22:00", to = "06:30", except_from = "high"}]')


def test_lists_written_as_tables_are_told_how_to_write_them(mistakes: Mistakes) -> None:
    assert mistakes('[sources]\nname = "x"\n') == [
        "1:1 sources: write [[sources]], with two brackets, above each entry"
    ]
    assert mistakes('rules = ["x"]\nhttp = 3\nevery = "1m"\n') == [
        '1:10 rules[0]: expected a table, got "x"',
        "2:8 http: expected a table, got 3",
        f"3:1 every: unknown key outside of any section{SHOWN}",
    ]


def test_names_that_do_not_exist_are_told_with_the_nearest(mistakes: Mistakes) -> None:
    text = SOURCE + RULE + 'targets = ["terminl"]\nsources = ["spokesmann"]\ntags = ["jnta"]\n' + TARGET
    assert mistakes('[defaults]\ntargets = ["desk"]\n' + text) == [
        '2:12 defaults.targets[0]: there is no target "desk"; the targets are "terminal"',
        '13:12 rules[0].targets[0]: there is no target "terminl"; did you mean "terminal"?',
        '14:12 rules[0].sources[0]: there is no source "spokesmann"; did you mean "spokesman"?',
        '15:9 rules[0].tags[0]: no source has the tag "jnta"; did you mean "junta"?',
    ]


def test_an_entry_with_another_mistake_still_counts_as_a_name(mistakes: Mistakes) -> None:
    assert mistakes(SOURCE.replace("channel", "chanel") + RULE + 'sources = ["spokesman"]\ntags = ["junta"]\n') == [
        '2:1 sources[0].channel: is missing; for example: channel = "example_channel"',
        '5:1 sources[0].chanel: unknown key; did you mean "channel"?',
    ]


def test_a_query_that_cannot_be_read_is_told_at_its_letter(mistakes: Mistakes) -> None:
    text = '[[rules]]\nname = "r"\nquery = "\\"a b\\" AND"\n'
    (told,) = mistakes(text)
    place, _, _ = told.partition(" ")
    assert int(place.split(":")[0]) == 3
    assert 'query = "\\"a b\\" AND"'[int(place.split(":")[1]) - 1 :].startswith('AND"')


def test_examples_of_a_rule_are_proved(read: Read, mistakes: Mistakes) -> None:
    examples = 'matches = ["The Regional Command said"]\nnot_matches = ["a regional office"]\n'
    assert len(read(RULE + examples).rules) == 1
    assert mistakes(RULE + 'matches = ["nothing"]\nnot_matches = ["x", "regional command"]\n') == [
        '5:12 rules[0].matches[0]: the rule "regional-command" does not match this example',
        '6:21 rules[0].not_matches[1]: the rule "regional-command" matches this example',
    ]


def test_an_example_counts_as_a_post_of_any_source_in_the_rules_scope(read: Read, mistakes: Mistakes) -> None:
    rule = '[[rules]]\nname = "r"\nquery = "tag:junta command"\nmatches = ["command"]\n'
    assert len(read(SOURCE + rule).rules) == 1
    assert "does not match" in mistakes(rule)[0]


def test_a_rule_without_targets_and_a_config_without_sources_are_fine(read: Read) -> None:
    config = read(RULE + 'targets = []\ntags = ["press"]\n' + TARGET)
    assert config.rule_targets(config.rules[0]) == ()


def test_odd_things_are_warned_of(read: Read, tmp_path: Path) -> None:
    disabled = SOURCE + "enabled = false\n" + RULE + 'tags = ["junta"]\n'
    loopback = '[[sources]]\nname = "here"\nkind = "feed"\nurl = "http://127.0.0.1:8000/feed"\n'
    config = read(disabled + loopback, Environment.of({"COMMUNIQUE_DATADIR": "x", "COMMUNIQUE_DEBUG": "1"}))
    private = "127.0.0.1:8000 is a private address and will be refused"
    assert [warning.removeprefix(f"{tmp_path}/") for warning in config.warnings] == [
        "COMMUNIQUE_DATADIR: unknown environment variable",
        'config.toml:9:1 rules[0]: the rule "regional-command" can never match: no source is in its scope',
        f"config.toml http: {private}; allow it by [http] allow_private_addresses = true",
    ]


def test_a_language_that_no_engine_knows_is_warned_of(read: Read, tmp_path: Path) -> None:
    config = read(SOURCE + 'languages = ["burmese", "my"]\n' + RULE + TARGET)
    (warning,) = [warning for warning in config.warnings if "no engine knows" in warning]
    place = r"config\.toml:\d+:\d+ sources\[0\]\.languages\[0\]"
    assert re.fullmatch(rf'{re.escape(str(tmp_path))}/{place}: no engine knows the language "burmese"; .*', warning)


def test_a_query_that_finds_more_than_was_meant_is_warned_of_at_its_line(read: Read) -> None:
    (warning,) = read('[[rules]]\nname = "r"\nquery = "တပ်"\n').warnings
    assert "config.toml:3:9 rules[0].query: တပ် is one syllable" in warning


def test_private_hosts_are_those_that_the_user_wrote_and_only_if_allowed(read: Read) -> None:
    feed = '[[sources]]\nname = "here"\nkind = "feed"\nurl = "http://LOCALHOST:8000/feed"\n'
    proxy = 'proxy = "socks5://[::1]:1080"\n'
    assert read("[http]\n" + proxy + feed).private_hosts() == frozenset()
    allowed = read("[http]\nallow_private_addresses = true\n" + proxy + SOURCE + feed)
    assert allowed.private_hosts() == {("t.me", 443), ("localhost", 8000), ("::1", 1080)}
    assert allowed.warnings == ()


@pytest.mark.parametrize(
    "proxy", ["127.0.0.1:9050", "socks4://h:1", "socks5://h", "http://", "http://h:x", "http://[::1"]
)
def test_a_proxy_that_cannot_be_used_is_refused_before_anything_is_sent(mistakes: Mistakes, proxy: str) -> None:
    told = '2:9 http.proxy: expected "http://host:port" or "socks5://host:port"'
    assert mistakes(f'[http]\nproxy = "{proxy}"\n') == [told]


def test_the_environment_beats_the_file_and_is_told_by_its_own_name(read: Read, mistakes: Mistakes) -> None:
    environment = Environment.of(
        {"COMMUNIQUE_DEFAULTS__EVERY": "7s", "COMMUNIQUE_HTTP__ALLOW_PRIVATE_ADDRESSES": "true"}
    )
    config = read('[defaults]\nevery = "5m"\n', environment)
    assert config.defaults.every == 7 * SECOND
    assert config.http.allow_private_addresses is True
    wrong = {
        "COMMUNIQUE_DEFAULTS__EVRY": "7s",
        "COMMUNIQUE_HTPP__X": "1",
        "COMMUNIQUE_DEFAULTS__TIMEZONE": "Asia/Yangoon",
    }
    sections = '"storage", "http", "telegram", "media", "backup", "heartbeat", "events", "bot", "web", "defaults"'
    assert mistakes('[defaults]\ntimezone = "UTC"\n', Environment.of(wrong)) == [
        f'COMMUNIQUE_HTPP__X: the environment cannot set the section "htpp"; it can set {sections}',
        'COMMUNIQUE_DEFAULTS__TIMEZONE: unknown time zone; did you mean "Asia/Yangon"?',
        'COMMUNIQUE_DEFAULTS__EVRY: unknown key; did you mean "every"?',
    ]


def test_the_data_directory_is_the_options_then_the_environments_then_the_files(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write('[storage]\ndir = "archive"\n')
    environment = Environment.of({"COMMUNIQUE_DATA_DIR": "/from/environment"})
    assert load(path, environment, data_dir=Path("/from/option"), kinds=every_kind()).data_dir == Path("/from/option")
    assert load(path, environment, kinds=every_kind()).data_dir == Path("/from/environment")
    override = Environment.of({"COMMUNIQUE_STORAGE__DIR": "other"})
    assert load(path, override, kinds=every_kind()).data_dir == tmp_path / "other"
    assert load(path, Environment(), kinds=every_kind()).data_dir == tmp_path / "archive"
    monkeypatch.setenv("XDG_DATA_HOME", "/from/platform")
    assert load(write(""), Environment(), kinds=every_kind()).data_dir == Path("/from/platform/communique")


def test_loading_imports_only_the_kinds_that_the_config_names(write: Write) -> None:
    program = (
        "import sys; from pathlib import Path; from bot.config import load; from bot.listing.kinds import every_kind;"
        "from bot.config.environment import Environment; load(Path(sys.argv[1]), Environment(), kinds=every_kind());"
        "print([name for name in sys.modules if name.count('.') == 2 and name.startswith('bot.sources.')])"
    )
    feed = '[[sources]]\nname = "f"\nkind = "feed"\nurl = "https://feed.example/x"\n'
    ran = subprocess.run([sys.executable, "-c", program, write(feed)], capture_output=True, text=True, check=True)
    assert ran.stdout == "['bot.sources.feed']\n"


def test_bad_input_34_a_feed_that_is_a_file_is_refused(mistakes: Mistakes) -> None:
    for url in ("file:///etc/passwd", "/etc/passwd", "gopher://old.example/"):
        (told,) = mistakes(f'[[sources]]\nname = "f"\nkind = "feed"\nurl = "{url}"\n')
        assert told.startswith("4:7 sources[0].url: ")


def test_bad_input_67_unknown_key(mistakes: Mistakes) -> None:
    assert mistakes(RULE + 'keywords = ["x"]\n') == [f"5:1 rules[0].keywords: unknown key{SHOWN}"]
    assert mistakes(RULE + 'qeury = "x"\n') == ['5:1 rules[0].qeury: unknown key; did you mean "query"?']


def test_bad_input_67_tabs_and_a_byte_order_mark_are_fine_and_do_not_shift_places(write: Write) -> None:
    path = write("")
    path.write_bytes(b'\xef\xbb\xbf[defaults]\r\n\tevery\t=\t"1m"\t# x\r\n')
    assert load(path, Environment(), kinds=every_kind()).defaults.every == MINUTE
    path.write_bytes(b"\xef\xbb\xbfevry = 1\r\n[defaults]\r\n\tevery\t=\t5\r\n")
    with pytest.raises(ConfigError) as caught:
        load(path, Environment(), kinds=every_kind())
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(1, 1), (3, 10)]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"sources:\n  - &a [*a, *a]\n", ":1:8 not TOML: "),
        (b"a: !!python/object/apply:os.system ['true']\n", ":1:2 not TOML: "),
        (b'[defaults]\nevery = "1m', ":2:12 not TOML: "),
        (b'[http]\nuser_agent = "caf\xe9"\n', ":2:18 not UTF-8 (byte 0xe9): save the file as UTF-8"),
        (b"\xff\xfe[\x00", ":1:1 not UTF-8"),
        (b"a = " + b"[" * 20_000, ": not a config file: nested too deeply"),
        (b"a = " + b"9" * 20_000, ": not TOML: "),
        (b"a = 2026-02-31\n", ":1:5 not TOML: "),
        (b"a = 1\na = 2\n", ":2:1 not TOML: the key a is here twice, first in line 1"),
    ],
)
def test_bad_input_67_what_is_not_toml_is_refused_with_its_place(write: Write, data: bytes, told: str) -> None:
    path = write("")
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load(path, Environment(), kinds=every_kind())
    assert str(caught.value).startswith(f"{path}{told}")


def test_bad_input_67_duplicate_names(mistakes: Mistakes) -> None:
    assert mistakes(SOURCE + SOURCE + RULE + RULE + TARGET + TARGET) == [
        '9:8 sources[1].name: "spokesman" is already the name of sources[0]',
        '19:8 rules[1].name: "regional-command" is already the name of rules[0]',
        '27:8 targets[1].name: "terminal" is already the name of targets[0]',
    ]


def test_bad_input_67_a_poll_every_zero_seconds(mistakes: Mistakes) -> None:
    told = "a source cannot be polled more often than once a second: the minimum is 1s"
    assert mistakes('[defaults]\nevery = "999ms"\n' + SOURCE + 'every = "0s"\n') == [
        f"2:9 defaults.every: {told}",
        f"9:9 sources[0].every: {told}",
    ]


def test_bad_input_68_a_config_that_everybody_can_read_is_fine(write: Write) -> None:
    path = write("")
    path.chmod(0o644)
    assert load(path, Environment(), kinds=every_kind()).path == path


def test_bad_input_68_a_secret_file_that_others_can_read_is_refused_with_the_other_mistakes(
    write: Write, mistakes: Mistakes, tmp_path: Path
) -> None:
    secret = tmp_path / "hash"
    secret.write_text("0123456789abcdef\n")
    secret.chmod(0o640)
    assert mistakes('[telegram]\napi_hash_file = "hash"\napi_id = "x"\n') == [
        f"2:17 telegram.api_hash_file: {secret} can be read by others (mode 0640); run: chmod 600 {secret}",
        '3:10 telegram.api_id: expected a whole number, got "x"',
    ]
    secret.chmod(0o600)
    telegram = load(write('[telegram]\napi_hash_file = "hash"\n'), Environment(), kinds=every_kind()).telegram
    assert telegram.api_hash_file == SecretFile(secret)


def test_a_secret_file_that_does_not_exist_is_told_with_the_line_that_makes_it(
    mistakes: Mistakes, tmp_path: Path
) -> None:
    (told,) = mistakes('[telegram]\napi_hash_file = "hash"\n')
    assert told.endswith(
        f"{tmp_path}/hash: No such file or directory; write the secret to it, then: chmod 600 {tmp_path}/hash"
    )


def test_a_config_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it is a directory: name the file in it"):
        load(tmp_path, Environment(), kinds=every_kind())


def test_bad_input_69_a_wrong_value_that_may_be_a_secret_is_not_repeated(mistakes: Mistakes) -> None:
    told = mistakes('[http]\nproxy = 5\nuser_agent = ["s3cret"]\n[telegram]\napi_hash = "s3cret"\napi_id = "s3"\n')
    assert "s3cret" not in "\n".join(told)
    assert '5:1 telegram.api_hash: unknown key; did you mean "api_hash_file"?' in told


def test_a_mistake_in_an_entry_hides_no_other_mistake(mistakes: Mistakes) -> None:
    found = mistakes(
        '[defaults]\nevery = "100ms"\ntimezone = "Asia/Rangon"\ntargets = ["nobody"]\n'
        '[[sources]]\nname = "x"\nkind = "telegram_web"\nchanel = "foo"\nevery = "0.5s"\ntags = ["real"]\n'
        '[[rules]]\nname = "r"\nquery = "("\nkeywrods = ["a"]\ntargets = ["ghost"]\nsources = ["ghost"]\ntags = ["spook"]\n'
        '[[rules]]\nname = "s"\nquery = "hello"\npriority = "urgent"\nmatches = ["goodbye"]\n'
        '[[targets]]\nname = "t"\nkind = "webhook"\nulr = "https://example.org"\n'
    )
    assert [told.partition(": ")[0] for told in found] == [
        "2:9 defaults.every",
        "3:12 defaults.timezone",
        "4:12 defaults.targets[0]",
        "5:1 sources[0].channel",
        "8:1 sources[0].chanel",
        "9:9 sources[0].every",
        "13:10 rules[0].query",
        "14:1 rules[0].keywrods",
        "15:12 rules[0].targets[0]",
        "16:12 rules[0].sources[0]",
        "17:9 rules[0].tags[0]",
        "21:12 rules[1].priority",
        "22:12 rules[1].matches[0]",
        "23:1 targets[0]",
        "26:1 targets[0].ulr",
    ]


def test_what_a_mistake_leaves_unknown_is_not_called_wrong_as_well(mistakes: Mistakes) -> None:
    rule = '[[rules]]\nname = "r"\nquery = "tag:junta lost"\ntags = "junta"\nmatches = ["lost"]\n'
    assert [told.partition(": ")[0] for told in mistakes(SOURCE + rule)] == ["10:8 rules[0].tags"]
    source = SOURCE.replace('["junta"]', '"junta"')
    assert len(mistakes(source + RULE + 'tags = ["junta"]\n')) == 1


def test_an_authority_of_ones_own_is_trusted_by_every_request_and_missed_in_words(read: Read, tmp_path: Path) -> None:
    text = '[http]\nca_file = "own.pem"\n'
    missed = read(text)
    assert [warning for warning in missed.warnings if "ca_file" in warning] == [
        f"{tmp_path / 'config.toml'}:2:11 http.ca_file: {tmp_path / 'own.pem'} is not there"
    ]
    (tmp_path / "own.pem").touch()
    assert not any("ca_file" in warning for warning in read(text).warnings)
    assert missed.http_rules().ca_file == tmp_path / "own.pem"
