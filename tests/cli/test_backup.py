"""`backup` and `restore` as a person types them: what they print, what they refuse, and with which exit code."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]

CONFIG = """
[telegram]
api_id = 12345
api_hash_file = "secrets/api-hash"

[[sources]]
name = "wire"
kind = "replay"
path = "posts.jsonl"

[[targets]]
name = "desk"
kind = "webhook"
url_file = "secrets/hook"
"""
POST = '{"native_id": "1", "posted_at": "2026-11-20T01:00:00Z", "text": "A report on the bridge."}\n'


@pytest.fixture
def collected(inside: Program, tmp_path: Path) -> Path:
    """A directory with a config, its secrets, and a data directory in which one post was collected."""
    (tmp_path / "secrets").mkdir()
    for name, secret in (("api-hash", "0123456789abcdef-a-secret"), ("hook", "http://127.0.0.1:9/a-secret")):
        (tmp_path / "secrets" / name).write_text(secret)
        (tmp_path / "secrets" / name).chmod(0o600)
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "posts.jsonl").write_text(POST)
    assert inside("--data-dir", "data", "run", "--once").returncode == 0
    return tmp_path


def test_a_backup_says_where_it_is_and_a_restore_what_is_not_in_it(inside: Program, collected: Path) -> None:
    made = inside("--data-dir", "data", "backup", "safe")
    assert made.returncode == 0, made.stderr
    [path] = [line for line in made.stdout.splitlines() if line.startswith("/")]
    assert Path(path).parent == collected / "safe"
    assert "1 post, 0 files" in made.stdout

    ran = inside("restore", "safe", "new")
    assert ran.returncode == 0, ran.stderr
    assert path.rpartition("/")[2] in ran.stdout
    assert "what came after 20" in ran.stdout
    assert f"bring this file yourself: {collected}/new/secrets/api-hash (telegram.api_hash_file)" in ran.stdout
    assert f"bring this file yourself: {collected}/new/secrets/hook (targets[0].url_file)" in ran.stdout
    assert "communique login" in ran.stdout
    assert f"next: communique --config {collected}/new/config.toml --data-dir {collected}/new run" in ran.stdout
    assert (collected / "new" / "config.toml").read_text() == CONFIG
    assert "the bridge" in inside("--data-dir", "new", "search", "bridge").stdout


def test_no_secret_and_no_session_is_ever_in_a_backup(inside: Program, collected: Path) -> None:
    (collected / "data" / "state").mkdir()
    (collected / "data" / "state" / "telegram.session").write_text("a-secret")
    assert inside("--data-dir", "data", "backup", "safe").returncode == 0
    held = [path for path in (collected / "safe").rglob("*") if path.is_file()]
    assert len(held) >= 3
    assert not [path for path in held if b"a-secret" in path.read_bytes()]


def test_the_json_has_every_number(inside: Program, collected: Path) -> None:
    made = json.loads(inside("--data-dir", "data", "backup", "safe", "--json").stdout)
    assert (made["posts"], made["files"], made["missing"], made["removed"]) == (1, 0, [], [])
    restored = json.loads(inside("restore", made["path"], "new", "--json").stdout)
    assert restored["backup"] == made["path"]
    assert {secret["key"] for secret in restored["secrets"]} == {"telegram.api_hash_file", "targets[0].url_file"}


def test_without_a_place_the_config_says_where_and_only_there_old_backups_go(inside: Program, collected: Path) -> None:
    refused = inside("--data-dir", "data", "backup")
    assert refused.returncode == 2
    assert "[backup]" in refused.stderr
    (collected / "config.toml").write_text(CONFIG + '\n[backup]\nto = "safe"\nkeep = "1d"\n')
    for _ in range(2):
        assert inside("--data-dir", "data", "backup").returncode == 0
        assert inside("--data-dir", "data", "backup", "elsewhere").returncode == 0
    assert len(list((collected / "safe").glob("2*Z*"))) == 1
    assert len(list((collected / "elsewhere").glob("2*Z*"))) == 2


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ('to = "safe"\nkeep = "7 days"', "7d 4w 12m"),
        ('every = "1d"', "`to` is missing"),
        ('to = "safe"\nevery = "10ms"', "the minimum is 1s"),
        ('to = "safe"\nkep = "7d"', "keep"),
    ],
)
def test_a_mistake_in_the_section_has_its_sentence(inside: Program, collected: Path, section: str, words: str) -> None:
    (collected / "config.toml").write_text(f"{CONFIG}\n[backup]\n{section}\n")
    checked = inside("config", "check")
    assert checked.returncode == 4
    assert words in checked.stderr + checked.stdout


def test_a_broken_config_does_not_keep_the_archive_from_being_backed_up(inside: Program, collected: Path) -> None:
    (collected / "config.toml").write_text("no toml at all")
    made = inside("--data-dir", "data", "backup", "safe")
    assert made.returncode == 0
    assert "the config has mistakes" in made.stderr
    [copied] = (collected / "safe").glob("2*/config.toml")
    assert copied.read_text() == "no toml at all"


def test_what_cannot_be_done_is_one_sentence(inside: Program, collected: Path) -> None:
    assert inside("--data-dir", "data", "backup", "safe").returncode == 0
    (collected / "full").mkdir()
    (collected / "full" / "mine").write_text("mine")
    (collected / "open").mkdir()
    (collected / "open").chmod(0o777)
    for code, words, arguments in (
        (2, "there is no directory ", ("--data-dir", "none", "backup", "safe")),
        (2, "inside the data directory", ("--data-dir", "data", "backup", "data/backups")),
        (2, "anybody may write", ("--data-dir", "data", "backup", "open")),
        (2, "is not empty", ("restore", "safe", "full")),
        (2, "is not empty", ("restore", "safe", "data")),
        (2, "is not a directory", ("restore", "nowhere", "new")),
        (2, "holds no backup", ("restore", "secrets", "new")),
    ):
        ran = inside(*arguments)
        assert (ran.returncode, ran.stdout) == (code, ""), arguments
        assert words in ran.stderr
        assert len(ran.stderr.splitlines()) == 1, ran.stderr
    assert not (collected / "new").exists()


def test_status_and_doctor_know_the_last_backup(inside: Program, collected: Path) -> None:
    assert "no backup was made yet" in inside("--data-dir", "data", "doctor").stdout
    made = json.loads(inside("--data-dir", "data", "backup", "safe", "--json").stdout)
    assert made["path"] in inside("--data-dir", "data", "status").stdout
    doctor = inside("--data-dir", "data", "doctor").stdout
    assert f"1 backup, made at {made['at']}, in {made['path']}" in doctor
    status = json.loads(inside("--data-dir", "data", "status", "--json").stdout)
    assert status["backups"]["path"] == made["path"]
    assert status["backups"]["last_at"] == made["at"]


def test_the_wrong_database_is_not_backed_up_over_good_ones(inside: Program, collected: Path) -> None:
    assert inside("--data-dir", "data", "backup", "safe").returncode == 0
    (collected / "data" / "communique.db").write_bytes(b"")
    ran = inside("--data-dir", "data", "backup", "safe")
    assert ran.returncode == 1
    assert "--new-archive" in ran.stderr
    assert len(list((collected / "safe").glob("2*Z*"))) == 1
