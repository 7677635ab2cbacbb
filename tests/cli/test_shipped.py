"""What comes with the program: documentation, the example config, the manual page, completion; and all of it in the wheel."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.completion import SHELLS, script
from tests.pages_of_docs import COMPLETIONS

Program = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_printed_and_the_shipped_one_is_the_same(program: Program, shell: str) -> None:
    ran = program("completion", shell)
    assert (ran.returncode, ran.stderr) == (0, "")
    shipped = (COMPLETIONS / f"communique.{shell}").read_text(encoding="utf-8")
    assert shipped == script(shell), "run: make docs"
    assert ran.stdout.strip() == shipped.strip()
    assert "_COMMUNIQUE_COMPLETE" in shipped


def test_bash_completes_commands_options_and_the_names_of_the_config(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    (tmp_path / "config.toml").write_text(
        '[[sources]]\nname = "spokesman"\ntags = ["north"]\n[[rules]]\nname = "regional-command"\n[[targets]]\nname = "telegram-desk"\n'
    )
    program = tmp_path / "communique"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m bot "$@"\n')
    program.chmod(0o755)
    asked = (
        "alerts te", "alerts test t", "rules explain r", "sources check s", "alerts mute --rule r", "search x --no-p",
        "alerts mute --tag n",
    )  # fmt: skip
    lines = [f"source {COMPLETIONS / 'communique.bash'}"]
    for words in asked:
        lines += [f"COMP_WORDS=(communique {words}) COMP_CWORD={len(words.split())} COMPREPLY=()"]
        lines += ["_communique_completion communique; echo ${COMPREPLY[@]}"]
    ran = subprocess.run(
        [bash, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        check=False,
        timeout=120,
    )
    assert ran.stdout.splitlines() == [
        "test", "telegram-desk", "regional-command", "spokesman", "regional-command", "--no-pager", "north",
    ]  # fmt: skip


def test_the_example_config_is_printed(program: Program) -> None:
    ran = program("config", "example")
    assert ran.stdout == (ROOT / "config.example.toml").read_text(encoding="utf-8")


def test_the_manual_page_has_every_command(program: Program) -> None:
    ran = program("man")
    assert ran.stdout.startswith('.\\" Made from the program')
    for name in ("search", "sources backfill", "config example", "completion"):
        assert f".SS communique {name}\n" in ran.stdout
    groff = shutil.which("groff")
    if groff is not None:
        checked = subprocess.run(
            [groff, "-man", "-Tutf8", "-ww", "-z", "-k"],
            input=ran.stdout.encode(),
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert (checked.returncode, checked.stderr) == (0, b"")


def test_help_names_the_pages_where_they_are(program: Program) -> None:
    [line] = [line for line in program("--help").stdout.splitlines() if line.startswith("More: ")]
    assert (Path(line.rpartition(" ")[2]) / "README.md").is_file()


def build_wheel(there: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(there)],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=120,
    )
    [wheel] = there.glob("*.whl")
    return wheel


def test_the_wheel_has_the_docs_the_example_the_manual_page_and_the_completions(tmp_path: Path) -> None:
    names = zipfile.ZipFile(build_wheel(tmp_path)).namelist()
    inside = {name.partition(".data/data/")[2] or name for name in names}
    assert inside >= {
        "bot/shipped/config.example.toml",
        "bot/shipped/docs/README.md",
        "bot/shipped/docs/communique.1",
        "share/man/man1/communique.1",
        "share/bash-completion/completions/communique",
        "share/zsh/site-functions/_communique",
        "share/fish/vendor_completions.d/communique.fish",
    }
    assert not [name for name in names if name.startswith(("tests", "bench"))]


@pytest.mark.long
def test_an_installed_wheel_finds_what_it_ships(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path)
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, timeout=120)
    python = home / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, timeout=300)
    [packages] = (home / "lib").glob("python*/site-packages")
    (packages / "borrowed.pth").write_text(
        sysconfig.get_path("purelib") + "\n"
    )  # the dependencies, not installed twice

    def run(*arguments: str) -> str:
        ran = subprocess.run(
            [str(home / "bin" / "communique"), *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            check=True,
            timeout=60,
        )
        return ran.stdout

    assert run("config", "example") == (ROOT / "config.example.toml").read_text(encoding="utf-8")
    assert run("man").startswith('.\\" Made from the program')
    assert f"and the pages in {packages / 'bot' / 'shipped' / 'docs'}" in run("--help")
    assert (home / "share" / "man" / "man1" / "communique.1").is_file()
