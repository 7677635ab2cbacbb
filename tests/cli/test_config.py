import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config.reading import LISTS, SECTIONS

Program = Callable[..., subprocess.CompletedProcess[str]]

GOOD = """
[defaults]
targets = ["hook"]
[[sources]]
name = "feed"
kind = "feed"
url = "https://reader:s3cret@feed.example/x?key=s3cret"
[[rules]]
name = "a"
query = "command"
[[targets]]
name = "hook"
kind = "webhook"
url = "https://hooks.example/T00/s3cret"
"""
QUERY = """query = '"regional command" OR "north-eastern command" OR တိုင်းစစ်ဌာနချုပ်'"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_check_counts_what_it_found(program: Program, config: Path) -> None:
    ran = program("config", "check")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "ok: 1 source, 1 rule, 1 target\n", "")


def test_check_tells_every_mistake_with_file_line_and_column_and_exits_with_4(inside: Program, config: Path) -> None:
    config.write_text(GOOD.replace("query", "qeury") + "colour = 1\n", encoding="utf-8")
    ran = inside("config", "check", "config.toml")
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr.splitlines() == [
        f"config.toml:8:1 rules[0].query: is missing; for example: {QUERY}",
        'config.toml:10:1 rules[0].qeury: unknown key; did you mean "query"?',
        "config.toml:15:1 targets[0].colour: unknown key; `communique config example` shows them all",
    ]


def test_check_reads_what_is_piped_in(inside: Program) -> None:
    assert inside("config", "check", "-", stdin=GOOD).stdout == "ok: 1 source, 1 rule, 1 target\n"
    ran = inside("config", "check", "-", stdin="[http]\nproxy = 1\n")
    assert (ran.returncode, ran.stderr) == (4, "<stdin>:2:9 http.proxy: expected a string, got 1\n")


def test_check_warns_on_stderr_and_succeeds(inside: Program, config: Path) -> None:
    config.write_text(GOOD.replace("https://hooks.example", "http://127.0.0.1:1"), encoding="utf-8")
    ran = inside("config", "check")
    assert (ran.returncode, ran.stdout) == (0, "ok: 1 source, 1 rule, 1 target\n")
    assert ran.stderr.startswith("warning: config.toml http: 127.0.0.1:1 is a private address and will be refused")


def test_check_without_any_config_says_how_to_get_one(inside: Program) -> None:
    ran = inside("config", "check")
    assert (ran.returncode, ran.stderr) == (4, "there is no config file: `communique init` writes one\n")


def test_a_mistake_cannot_speak_to_the_terminal(inside: Program) -> None:
    ran = inside("config", "check", "-", stdin='"\\u001b[2J\\u202e" = 1\n[http]\nproxy = "\\u001b]0;x\\u0007"\nx = 1\n')
    assert ran.returncode == 4
    assert not set("\x1b\x07\u202e") & set(ran.stderr)
    assert "\\u{001b}[2J" in ran.stderr


def test_bad_input_69_show_prints_what_is_in_force_as_toml_without_secrets(inside: Program, config: Path) -> None:
    ran = inside("config", "show")
    assert "s3cret" not in ran.stdout
    shown = tomllib.loads(ran.stdout)
    assert set(shown) == {*SECTIONS, *LISTS} - {"engines", "terms", "pairs"}
    assert shown["defaults"] == {
        "every": "2m",
        "usual": "auto",
        "timezone": "Asia/Yangon",
        "targets": ["hook"],
    }
    assert shown["sources"][0]["url"] == "https://***@feed.example/x?key=***"
    assert shown["targets"][0]["url"] == "https://hooks.example/***"


def test_show_origin_says_where_each_value_came_from(inside: Program, config: Path) -> None:
    ran = inside("--data-dir", "x", "config", "show", "--origin", COMMUNIQUE_DEFAULTS__EVERY="90s")
    lines = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    assert 'every = "90s" # COMMUNIQUE_DEFAULTS__EVERY' in lines
    assert 'timezone = "Asia/Yangon" # default' in lines
    assert 'query = "command" # config.toml:10' in lines
    assert any(line.startswith("dir = ") and line.endswith("# --data-dir") for line in lines)
    found = json.loads(inside("config", "show", "--json").stdout)
    assert {"key": "rules[0].name", "value": "a", "origin": "config.toml:9"} in found


def test_schema_is_json_for_editors(inside: Program) -> None:
    described = json.loads(inside("config", "schema").stdout)
    assert set(described["properties"]) == {*SECTIONS, *LISTS}


def test_path_says_where_everything_stands(inside: Program, config: Path, tmp_path: Path) -> None:
    ran = inside("config", "path", COMMUNIQUE_DATA_DIR="kept")
    assert ran.stdout.splitlines() == [
        f"config\t{config}",
        f"data\t{tmp_path}/kept",
        f"database\t{tmp_path}/kept/communique.db",
        f"media\t{tmp_path}/kept/media",
        f"lock\t{tmp_path}/kept/communique.lock",
    ]
    config.unlink()
    ran = inside("config", "path", "--json")
    assert json.loads(ran.stdout)["config"] is None
    assert f"put one at {tmp_path}/.config/communique/config.toml" in ran.stderr


def test_bad_input_70_no_option_takes_a_secret() -> None:
    import click

    from bot.cli import root

    def options(command: click.Command) -> set[str]:
        """Those that take a value. One that ends in `-file` takes the name of a file in which a secret is."""
        taking = [option for option in command.params if not getattr(option, "is_flag", False)]
        own = {name for option in taking for name in (*option.opts, *option.secondary_opts)}
        if not isinstance(command, click.Group):
            return own
        context = click.Context(command)
        inner = [command.get_command(context, name) for name in command.list_commands(context)]
        return own.union(*(options(one) for one in inner if one is not None))

    assert "--config" in options(root)
    words = ("token", "secret", "password", "hash", "key", "auth")
    named = [option for option in options(root) if option.startswith("-") and any(word in option for word in words)]
    assert named == ["--password-file"]


def test_a_rule_that_alerts_nobody_is_a_mistake_and_an_empty_list_is_a_saved_search(
    program: Program, config: Path
) -> None:
    deaf = GOOD.replace('[defaults]\ntargets = ["hook"]\n', "")
    config.write_text(deaf, encoding="utf-8")
    ran = program("config", "check")
    assert (ran.returncode, ran.stdout) == (4, "")
    refused = [line for line in ran.stderr.splitlines() if not line.startswith("warning:")]
    assert len(refused) == 1
    assert 'config.toml:6:1 rules[0]: the rule "a" alerts nobody: name its targets' in refused[0]
    config.write_text(deaf.replace('query = "command"', 'query = "command"\ntargets = []'), encoding="utf-8")
    ran = program("config", "check")
    assert ran.returncode == 0
    assert "alerts nobody" not in ran.stderr


def test_a_target_that_no_rule_uses_is_a_warning_unless_it_hears_of_health(program: Program, config: Path) -> None:
    spare = '[[targets]]\nname = "spare"\nkind = "webhook"\nurl = "https://hooks.example/x"\n'
    config.write_text(GOOD + spare, encoding="utf-8")
    ran = program("config", "check")
    assert ran.returncode == 0
    assert 'no rule uses the target "spare"' in ran.stderr
    config.write_text(GOOD + spare + "health = true\n", encoding="utf-8")
    assert program("config", "check").stderr == ""


@pytest.mark.parametrize(
    ("chat", "odd"),
    [
        ('"@desk_alerts"', False),
        ("-100123456789", False),
        ('"12345"', False),
        ('"desk alerts"', True),
        ('"t.me/x"', True),
    ],
)
def test_a_chat_that_is_neither_a_name_nor_a_number_is_a_warning(
    program: Program, config: Path, chat: str, *, odd: bool
) -> None:
    token = config.with_name("token")
    token.write_text("1:a", encoding="ascii")
    token.chmod(0o600)
    bot = f'[[targets]]\nname = "bot"\nkind = "telegram"\ntoken_file = "token"\nchat = {chat}\nhealth = true\n'
    config.write_text(GOOD + bot, encoding="utf-8")
    ran = program("config", "check")
    assert ran.returncode == 0
    assert ('is neither "@name" nor the number of a chat' in ran.stderr) == odd


def test_a_pace_that_cannot_be_kept_is_a_warning_with_both_numbers(program: Program, config: Path) -> None:
    channels = "".join(
        f'[[sources]]\nname = "c{number}"\nkind = "telegram_web"\nchannel = "channel_{number}"\nevery = "1m"\n'
        for number in range(200)
    )
    config.write_text(GOOD + channels, encoding="utf-8")
    ran = program("config", "check")
    assert ran.returncode == 0
    assert "200 sources of t.me can each be polled every 9 min; you wrote 60 s" in ran.stderr
    config.write_text(GOOD + channels.replace('"1m"', '"10m"'), encoding="utf-8")
    assert program("config", "check").stderr == ""
