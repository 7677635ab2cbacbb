import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from bot.cli.init import TEMPLATE
from bot.config import load
from bot.config.environment import Environment
from bot.listing.kinds import every_kind

Program = Callable[..., subprocess.CompletedProcess[str]]


def test_init_writes_a_config_that_passes_its_check_and_needs_no_account(inside: Program, tmp_path: Path) -> None:
    ran = inside("init")
    assert (ran.returncode, ran.stdout) == (0, "config.toml\n")
    assert "communique config check" in ran.stderr
    assert inside("config", "check").stdout == "ok: 0 sources, 1 rule, 1 target\n"


def test_the_template_holds_its_promises(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(TEMPLATE, encoding="utf-8")
    config = load(path, Environment(), kinds=every_kind())
    assert config.sources == ()
    assert [rule.name for rule in config.rules] == ["regional-command"]
    assert [target.kind for target in config.targets] == ["console"]
    assert config.rule_targets(config.rules[0]) == ("terminal",)
    assert config.warnings == ()


def test_taking_the_marks_off_the_placeholders_makes_two_channels_and_a_feed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(re.sub(r"(?m)^# (\[\[|[a-z]+ = )", r"\1", TEMPLATE), encoding="utf-8")
    config = load(path, Environment(), kinds=every_kind())
    assert [source.kind for source in config.sources] == ["telegram_web", "telegram_web", "feed"]
    assert config.rule_sources(config.rules[0]) != ()


def test_init_makes_the_directory_and_says_how_to_use_it(inside: Program, tmp_path: Path) -> None:
    ran = inside("init", "desk/watch")
    assert ran.stdout == "desk/watch/config.toml\n"
    assert "communique --config desk/watch/config.toml config check" in ran.stderr
    assert (tmp_path / "desk" / "watch" / "config.toml").read_text(encoding="utf-8") == TEMPLATE


def test_init_takes_the_name_of_the_file_too(inside: Program, tmp_path: Path) -> None:
    done = inside("init", "desk.toml")
    assert done.stdout == "desk.toml\n"
    assert (tmp_path / "desk.toml").is_file()


def test_init_never_overwrites_unless_told(inside: Program, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("mine", encoding="utf-8")
    ran = inside("init")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "config.toml exists already and was not changed; --force overwrites it\n"
    assert path.read_text(encoding="utf-8") == "mine"
    assert inside("init", "--force").returncode == 0
    assert path.read_text(encoding="utf-8") == TEMPLATE


def test_init_does_not_write_through_a_link_or_where_it_may_not(inside: Program, tmp_path: Path) -> None:
    (tmp_path / "config.toml").symlink_to(tmp_path / "elsewhere")
    assert inside("init").returncode == 2
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "file").touch()
    ran = inside("init", "file/below")
    assert (ran.returncode, ran.stderr) == (
        2,
        "cannot write file/below/config.toml: not a directory; choose another name\n",
    )


def test_a_glossary_is_written_into_the_config_and_loads(inside: Program, tmp_path: Path) -> None:
    assert inside("init", "--glossary", "myanmar").stdout == "config.toml\n"
    checked = inside("config", "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert re.fullmatch(r"ok: 0 sources, 1 rule, 1 target, 2\d\d terms\n", checked.stdout)
    ran = inside("rules", "test", "--query", "@lashio @north-eastern-command", "အရှေ့မြောက်တိုင်းစစ်ဌာနချုပ် (လားရှိုး)")
    assert ran.returncode == 0
    assert "“လားရှိုး”" in ran.stdout


def test_a_glossary_never_overwrites_either_and_an_unknown_one_is_refused(inside: Program, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    ran = inside("init", "--glossary", "myanmar")
    assert ran.returncode == 2
    assert re.search(r"to add the glossary: cat \S+/myanmar\.toml >> config\.toml$", ran.stderr)
    ran = inside("init", "--glossary", "atlantis")
    assert ran.returncode == 2
    assert "there is: myanmar" in ran.stderr


def test_two_configs_of_init_in_two_folders_share_no_archive(inside: Program, tmp_path: Path) -> None:
    for folder in ("north", "south"):
        assert inside("init", folder).returncode == 0
        config = load(tmp_path / folder / "config.toml", Environment(), kinds=every_kind())
        assert config.data_dir == tmp_path / folder / "communique-data"


def test_without_a_config_every_command_that_needs_one_says_how_to_get_one(inside: Program) -> None:
    commands = {
        ("run",): 4,
        ("config", "check"): 4,
        ("sources", "check", "spokesman"): 4,
        ("alerts", "test", "desk"): 4,
        ("rules", "explain", "fall"): 4,
        ("media", "read"): 4,
        ("search", "army"): 2,
        ("status",): None,
        ("tail",): 2,
        ("rules", "list"): 0,
        ("sources", "list"): 0,
    }
    for words, code in commands.items():
        ran = inside(*words)
        said = ran.stdout + ran.stderr
        assert "there is no config file: `communique init` writes one" in said, (words, said)
        assert code is None or ran.returncode == code, (words, ran.returncode)


def test_a_full_disk_is_named_with_what_helps_and_is_no_wrong_usage(inside: Program, tmp_path: Path) -> None:
    (tmp_path / "config.toml").symlink_to("/dev/full")
    ran = inside("init", "--force")
    said = "no space left for config.toml: free some space; nothing was written there\n"
    assert (ran.returncode, ran.stderr) == (1, said)
