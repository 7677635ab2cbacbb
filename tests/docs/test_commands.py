"""Every command that a page shows exists, with its options, and runs, unless the page says that no test runs it."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from bot.config.schema import schema
from bot.listing.kinds import every_kind
from bot.world import World, run_in_thread
from bot.world.story import begin
from tests.desk import Desk
from tests.docs.reading import PAGES, ROOT, Block, blocks, quoted_commands
from tests.integration.scene import LOOPBACK
from tests.page_of_commands import commands

CONFIG = """
[[rules]]
name = "regional-command"
query = '"regional command"'
targets = ["terminal"]
[[targets]]
name = "terminal"
kind = "console"
[[engines]]
name = "own-ears"
kind = "program"
program = ["true"]
"""
SOURCE = """
[[sources]]
name = "{name}"
kind = "telegram_web"
channel = "{name}"
base_url = "{url}"
"""
# What stands for something of the reader's own.
FILLED = {
    "QUERY": "has:photo",
    "POST": "spokesman_office/5",
    "ID": "1",
    "NAME": "spokesman_office",
    "DIR": "elsewhere",
    "TARGET": "terminal",
    "NUMBER": "1",
    "COMMAND": "search",
}
# Commands in sentences that other tests run, for they need an account, a time of their own, or another exit code.
ELSEWHERE = {
    "run": "tests/integration/test_daemon_life.py",
    "demo": "tests/integration/test_readme.py",
    "login": "tests/telegram/test_login.py",
    "sources accept": "tests/cli/test_sources_accept.py",
    "sources add": "tests/cli/test_sources_edit.py",
    "sources join": "tests/telegram/test_channels.py",
    "sources backfill": "tests/integration/test_backfill.py",
    "models": "tests/cli/test_models.py",
    "init": "tests/cli/test_init.py",
    "restore": "tests/cli/test_backup.py",
    "serve": "tests/web/test_serve.py",
    "people": "tests/cli/test_people.py",
    "tokens": "tests/cli/test_people.py",
}
SHELL = ("sh", "console")
GROUPS = {name for name, command, _ in commands() if isinstance(command, click.Group)}
KNOWN = {name: (command, context) for name, command, context in commands()}
SHOWN = [(page, one) for page in PAGES if page.name != "commands.md" for one in quoted_commands(page)]
RUN = [block for page in PAGES for block in blocks(page) if block.runs and block.language in SHELL]


def typed(block: Block) -> Iterator[str]:
    """Every call of the program in a block."""
    for line in block.text.splitlines():
        for call in re.findall(
            r"(?:^|\s|/bin/)communique (?!communique)((?:--?[\w-]+|[a-z'\"]).*?)(?:\s+[|>#]|\s\|\||2>>|$)", line
        ):
            yield f"communique {call}"


CALLS = [(page, one) for page in PAGES for block in blocks(page) if block.language in SHELL for one in typed(block)]


def mistake(call: str) -> str | None:
    """Why a call cannot be right: a command or an option that does not exist."""
    words = shlex.split(call, comments=True)[1:]
    command, context = KNOWN["communique"]
    path = "communique"
    while words:
        word = words.pop(0)
        if word.startswith("-") and word != "-":
            option = next(
                (one for one in command.get_params(context) if word.split("=")[0] in one.opts + one.secondary_opts),
                None,
            )
            if option is None:
                return f"{path} has no option {word}"
            if isinstance(option, click.Option) and not option.is_flag and "=" not in word and words:
                words.pop(0)
        elif isinstance(command, click.Group):
            path = f"{path} {word}"
            if path not in KNOWN:
                return f"there is no command {path}"
            command, context = KNOWN[path]
    return None


@pytest.mark.parametrize(("page", "call"), SHOWN + CALLS, ids=lambda one: one.name if isinstance(one, Path) else one)
def test_every_command_and_option_that_a_page_names_exists(page: Path, call: str) -> None:
    for one in re.split(r", (?=communique )| && ", call):
        assert not one.startswith("communique") or mistake(one) is None


def test_commands_and_options_that_do_not_exist_are_found() -> None:
    assert mistake("communique sources listen") == "there is no command communique sources listen"
    assert mistake("communique search x --sicne 7d") == "communique search has no option --sicne"
    assert mistake("communique --data-dir x search 'a b' --limit 5 --json") is None


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk where channels of the small world were collected, and `communique` is in the path."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    program = desk.directory / "bin" / "communique"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m bot "$@"\n')
    program.chmod(0o755)
    world = World()
    begin(world)
    with run_in_thread(world) as url:
        names = ("spokesman_office", "hill_rangers_info", "shan_hills_desk")
        desk.write(LOOPBACK + CONFIG + "".join(SOURCE.format(name=name, url=url) for name in names))
        desk.run("run", "--once")
        desk.run("backup", "backups")  # for what is restored from there
        yield desk


def shell(desk: Desk, script: str) -> "subprocess.CompletedProcess[str]":
    environment = desk.environment()
    around = {
        "PATH": f"{desk.directory / 'bin'}:{environment['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COMMUNIQUE_DATA_DIR": str(desk.directory / "data"),
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=desk.directory, env=environment | around, text=True,
        capture_output=True, timeout=300, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def makes(block: Block) -> bool:
    return all(line.startswith(("make ", "#")) for line in block.text.splitlines() if line)


@pytest.mark.parametrize(
    "block",
    [one for one in RUN if one.page != "README.md" and not makes(one)],
    ids=lambda one: f"{one.page} {one.text[:40]}",
)
def test_every_block_of_commands_runs(desk: Desk, block: Block) -> None:
    for tool in ("jq", "sqlite3", "tar"):
        if re.search(rf"\b{tool} ", block.text) and not shutil.which(tool):
            pytest.skip(f"{tool} is not on this machine")
    done = shell(desk, block.text)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() or ">" in block.text


@pytest.mark.parametrize("block", [one for one in RUN if makes(one)], ids=lambda one: one.page)
def test_every_make_target_that_a_page_shows_is_in_the_makefile(block: Block) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?m)^make ([a-z-]+)", block.text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def runs_here(call: str) -> bool:
    """Not what runs elsewhere, and not a bare name of a command that needs more words."""
    elsewhere = any(f"{call} ".startswith(f"communique {name} ") for name in ELSEWHERE)
    bare = call in KNOWN and any(isinstance(one, click.Argument) for one in KNOWN[call][0].params)
    return not elsewhere and not bare and call not in GROUPS


@pytest.mark.parametrize("call", sorted({one for _, one in SHOWN if runs_here(one)}))
def test_every_command_in_a_sentence_runs(desk: Desk, call: str) -> None:
    filled = re.sub(r"\b[A-Z]{2,}\b", lambda found: FILLED.get(found[0], found[0]), call)
    done = shell(desk, filled)
    allowed = (0, 1) if "--health" in call or call == "communique doctor" else (0,)
    if call.startswith("communique alerts "):
        allowed = (0, 3)  # here is nothing to send again, and no digest
    assert done.returncode in allowed, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_run_elsewhere_is_run_there(name: str) -> None:
    text = (ROOT / ELSEWHERE[name]).read_text(encoding="utf-8")
    assert ", ".join(f'"{word}"' for word in name.split()) in text


@pytest.mark.parametrize(
    "block",
    [one for page in PAGES for one in blocks(page) if one.language == "toml"],
    ids=lambda one: f"{one.page} {one.text[:30]}",
)
def test_every_piece_of_config_that_a_page_shows_has_known_keys(block: Block) -> None:
    known: dict[str, Any] = schema(every_kind())["properties"]
    for section, found in tomllib.loads(block.text).items():
        assert section in known
        for entry in found if isinstance(found, list) else [found]:
            items = known[section].get("items", known[section])
            forms = [
                form
                for form in items.get("oneOf", [items])
                if form["properties"].get("kind", {}).get("const") == entry.get("kind")
            ]
            assert forms or section == "terms", entry
            assert section == "terms" or set(entry) <= set(forms[0]["properties"])


def test_a_recipe_that_no_test_runs_says_so() -> None:
    unmarked = [
        one for one in blocks(ROOT / "docs" / "recipes.md") if one.runs and one.language not in (*SHELL, "toml")
    ]
    assert unmarked == []
