import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]


def test_help_opens_with_examples_and_exit_codes_and_names_every_command(process: Program) -> None:
    for flag in ("-h", "--help"):
        ran = process(flag)
        assert ran.returncode == 0
        assert ran.stderr == ""
        examples, options = ran.stdout.index("communique run --once"), ran.stdout.index("Options:")
        assert examples < ran.stdout.index("Exit codes:") < options
        assert "130  stopped by Ctrl-C" in ran.stdout
        for name in [
            "init",
            "demo",
            "run",
            "status",
            "config",
            "sources",
            "search",
            "show",
            "tail",
            "stats",
            "rules",
            "alerts",
            "doctor",
        ]:
            assert f"\n  {name} " in ran.stdout


@pytest.mark.parametrize("name", ["search", "sources"])
def test_every_reading_command_explains_itself(process: Program, name: str) -> None:
    ran = process(name, "-h")
    assert ran.returncode == 0
    assert ran.stdout.startswith("Usage: communique")


def test_a_mistyped_command_gets_a_suggestion(process: Program) -> None:
    ran = process("serach", "bridge")
    assert ran.returncode == 2
    assert "Did you mean `search`?" in ran.stderr
    assert ran.stdout == ""


def test_a_mistyped_option_is_wrong_usage(process: Program) -> None:
    ran = process("search", "bridge", "--sinse", "7d")
    assert ran.returncode == 2
    assert "--since" in ran.stderr


def test_an_empty_data_directory_says_what_to_do(process: Program, tmp_path: Path) -> None:
    for arguments in (("search", "x"), ("tail", "-f")):
        ran = process(*arguments, COMMUNIQUE_DATA_DIR=str(tmp_path / "nowhere"))
        assert ran.returncode == 2
        assert "communique run --once" in ran.stderr
        assert "Traceback" not in ran.stderr


def test_a_file_that_is_no_archive_is_one_sentence_and_exit_1(process: Program, tmp_path: Path) -> None:
    (tmp_path / "communique.db").write_bytes(b"this is not a database, whatever it is called" * 100)
    ran = process("tail", COMMUNIQUE_DATA_DIR=str(tmp_path))
    assert ran.returncode == 1
    assert "communique.db" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_the_data_directory_can_come_from_the_environment(process: Program, data_dir: Path) -> None:
    assert "spokesman" in process("tail", COMMUNIQUE_DATA_DIR=str(data_dir)).stdout


def test_a_reader_that_goes_away_ends_the_program_quietly(data_dir: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m bot --data-dir {data_dir} search 'hostile OR bridge' --jsonl | head -c 1; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
    )
    assert ran.stderr == ""
    assert ran.stdout.endswith("0\n")


@pytest.mark.parametrize("buffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("words", [("search", "hostile OR bridge", "--csv"), ("man",)])
def test_an_output_that_cannot_be_written_is_one_sentence(
    data_dir: Path, tmp_path: Path, words: tuple[str, ...], buffered: str
) -> None:
    """The few bytes of a search fail when the program ends, the many of the manual while the command runs."""
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "bot", "--data-dir", data_dir, *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": buffered},
            check=False,
            timeout=60,
        )
    assert (ran.returncode, ran.stderr) == (1, "cannot write the output: No space left on device\n")


@pytest.mark.parametrize(
    ("closed", "word", "code"),
    [(">&-", "status", 0), ("<&- >&- 2>&-", "frobnicate", 2), ("2>/dev/full", "frobnicate", 2)],
)
def test_a_program_whose_streams_are_closed_or_full_works_all_the_same(
    data_dir: Path, tmp_path: Path, closed: str, word: str, code: int
) -> None:
    command = [sys.executable, "-m", "bot", "--data-dir", str(data_dir), word]
    ran = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", "")


def test_a_mistyped_data_directory_is_named(process: Program, tmp_path: Path) -> None:
    ran = process("--data-dir", str(tmp_path / "dta"), "search", "bridge")
    assert ran.returncode == 2
    assert ran.stderr == f"there is no directory {tmp_path / 'dta'}: correct --data-dir\n"


def test_ctrl_c_ends_a_follower_with_130_and_no_traceback(
    follower: Callable[..., subprocess.Popen[str]],
) -> None:
    following = follower("tail", "-f", "-n", "1")
    assert following.stdout is not None
    assert following.stdout.readline()  # it has begun
    following.send_signal(signal.SIGINT)
    _, said = following.communicate(timeout=60)
    assert following.returncode == 130
    assert "Traceback" not in said


def test_ctrl_c_while_the_program_is_still_being_loaded_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")
    ran = subprocess.run(
        [sys.executable, "-m", "bot", "status"],
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_colour_is_off_in_a_pipe_and_on_when_forced_and_off_again_when_refused(process: Program) -> None:
    assert "\x1b" not in process("search", "bridge").stdout
    assert "\x1b[1m" in process("search", "bridge", FORCE_COLOR="1").stdout
    assert "\x1b" not in process("search", "bridge", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b" not in process("--no-color", "search", "bridge", FORCE_COLOR="1").stdout


def test_what_is_no_number_is_answered_in_one_plain_sentence(process: Program) -> None:
    assert "expected a whole number of at least 1, got 'soon'" in process("alerts", "why", "soon").stderr
    assert "expected a whole number of at least 1, got '0'" in process("search", "x", "--limit", "0").stderr
    assert "expected a whole number from 1 to 20, got '21'" in process("rules", "suggest", "x", "--limit", "21").stderr


def test_a_file_in_place_of_the_data_directory_is_called_so(process: Program, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("no archive")
    ran = process("--data-dir", str(tmp_path / "notes"), "search", "x")
    assert ran.returncode == 2
    assert ran.stderr == f"{tmp_path / 'notes'} is not a directory: name the one that the archive is in\n"


def run_and_list(words: list[str], names: list[str], cwd: Path, then: str = "pass") -> subprocess.CompletedProcess[str]:
    """Run a command; the last line on stderr is which modules of these names it imported, or `then` did."""
    script = (
        "import sys\n"
        "from bot.__main__ import main\n"
        f"sys.argv = ['communique', *{words!r}]\n"
        "try:\n    main()\n"
        f"finally:\n    {then}\n    print(sorted(set({names!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(cwd)},
        check=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "words", [["search", "bridge", "--since", "2020-01-01"], ["status"], ["sources", "list"]], ids=lambda it: it[0]
)
def test_reading_commands_import_nothing_heavy(data_dir: Path, tmp_path: Path, words: list[str]) -> None:
    heavy = [
        "sqlmodel",
        "sqlalchemy",
        "alembic",
        "telethon",
        "httpx",
        "pydantic",
        "apscheduler",
        "rich",
        "zstandard",
        "asyncio",
    ]
    config = f'[storage]\ndir = "{data_dir}"\n[[sources]]\nname = "account"\nkind = "telegram"\nchannel = "@harbour"\n'
    (tmp_path / "config.toml").write_text(config)
    ran = run_and_list(words, heavy, tmp_path)
    assert ("bridge" if words[0] == "search" else "spokesman") in ran.stdout
    assert ran.stderr.splitlines()[-1] == "[]"


def test_a_pass_imports_nothing_that_its_config_does_not_need(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text('{"native_id": "1", "text": "lost", "posted_at": "2026-10-01T00:00:00Z"}\n')
    source = '[[sources]]\nname = "wire"\nkind = "replay"\npath = "posts.jsonl"\n'
    (tmp_path / "config.toml").write_text(f'[storage]\ndir = "data"\n{source}')
    spared = ["apscheduler", "rich", "telethon", "bot.answers.line", "bot.answers.requested", "bot.foreign.times"]
    ran = run_and_list(["run", "--once"], spared, tmp_path, then="import bot.http.exchange")
    assert "wire: 1 new" in ran.stderr
    assert ran.stderr.splitlines()[-1] == "[]"


def test_completing_a_source_reads_only_the_config(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[[sources]]\nname = "spokesman"\nkind = "telegram_web"\n[[sources]]\nname = "desk"\n'
    )
    script = (
        "import sys\n"
        "from bot.__main__ import main\n"
        "try:\n    main()\n"
        "finally:\n    print(sorted({'sqlmodel', 'sqlalchemy', 'telethon', 'pydantic'} & set(sys.modules)), file=sys.stderr)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path),
            "_COMMUNIQUE_COMPLETE": "bash_complete",
            "COMP_WORDS": "communique search x --source s",
            "COMP_CWORD": "4",
        },
        check=False,
        timeout=60,
    )
    assert "spokesman" in ran.stdout
    assert "desk" not in ran.stdout
    assert ran.stderr == "[]\n"


def test_completing_a_command_names_all_that_begin_so(process: Program) -> None:
    ran = process(_COMMUNIQUE_COMPLETE="bash_complete", COMP_WORDS="communique s", COMP_CWORD="1")
    assert {"search", "show", "stats", "status", "sources"} <= {row.partition(",")[2] for row in ran.stdout.split()}
