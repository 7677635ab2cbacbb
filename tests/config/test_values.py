import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bot.clock import DAY, MINUTE, SECOND
from bot.contracts.amounts import duration, written
from bot.contracts.settings import Amount, Duration, Name, SecretFile, Settings, loose
from bot.errors import UserError

ROOT = Path(__file__).parents[2]


class WithSecret(Settings):
    token_file: SecretFile
    every: Duration = MINUTE


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [("90s", 90 * SECOND), ("2.5s", 2_500_000), ("250ms", 250_000), ("1 h", 60 * MINUTE), ("2w", 14 * DAY), (0, 0)],
)
def test_a_duration_reads_as_people_write_it(text: object, microseconds: int) -> None:
    assert duration(text) == microseconds


@pytest.mark.parametrize("text", ["", "5", 5, "m", "-1s", "1e9s", "1s 2s", "٣s", True, None, "999999999w", "nans"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration(text)


@given(st.integers(0, 36_000 * DAY))
def test_a_duration_is_written_as_it_is_read(microseconds: int) -> None:
    assert duration(written(microseconds)) == microseconds


@pytest.mark.parametrize("value", [0, 100, "all", "2024-07-01"])
def test_an_amount_is_a_count_a_date_or_all(value: object) -> None:
    assert TypeAdapter(Amount).validate_python(value) == value


@pytest.mark.parametrize("value", [-1, True, "All", "2024-02-31", "20240701", "2024-W01-1", 1.5, ["all"]])
def test_any_other_amount_is_refused(value: object) -> None:
    with pytest.raises(ValidationError, match="expected a count, a date"):
        TypeAdapter(Amount).validate_python(value)


@pytest.mark.parametrize("value", ["", "a b", "a/b", "a\x1bb", 'a"', "x" * 65])
def test_a_name_that_would_not_fit_a_command_line_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(value)


def secret_at(path: Path, text: str = "s3cret\n", mode: int = 0o600) -> SecretFile:
    path.write_text(text)
    path.chmod(mode)
    return SecretFile(path)


def test_a_secret_is_the_text_of_its_file_without_the_final_newline(tmp_path: Path) -> None:
    assert secret_at(tmp_path / "a", "two\nlines\r\n").read() == "two\nlines"
    assert secret_at(tmp_path / "b", "\ufefftoken").read() == "token"
    assert secret_at(tmp_path / "c", mode=0o400).read() == "s3cret"


def test_bad_input_69_a_secret_shows_its_path_only(tmp_path: Path) -> None:
    desk = WithSecret(token_file=secret_at(tmp_path / "token"))
    assert desk.token_file.read() == "s3cret"
    for shown in (repr(desk), str(desk), desk.model_dump_json()):
        assert "s3cret" not in shown
        assert str(tmp_path / "token") in shown


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_bad_input_68_a_secret_that_others_can_reach_is_not_read(tmp_path: Path, mode: int) -> None:
    secret = secret_at(tmp_path / "token", mode=mode)
    with pytest.raises(UserError, match=rf"token can be read by others \(mode {mode:04o}\); run: chmod 600 .*token$"):
        secret.read()


def test_bad_input_68_a_secret_of_another_user_is_not_read() -> None:
    status = cast("os.stat_result", SimpleNamespace(st_uid=1001, st_mode=0o100600))
    assert loose(Path("/etc/token"), status, 1000) == (
        "/etc/token belongs to user 1001, not to you (1000); run: chown 1000 /etc/token"
    )
    assert loose(Path("/etc/token"), status, 1001) is None


@pytest.mark.parametrize(
    ("data", "told"), [(b"", "empty"), (b"\n", "empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * 70_000, "too long")]
)
def test_a_file_that_cannot_be_a_secret_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(UserError, match=told):
        SecretFile(path).read()


def test_a_directory_or_a_pipe_is_no_secret_and_nothing_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder", "missing"):
        with pytest.raises(UserError, match=rf"chmod 600 {tmp_path / name}$"):
            SecretFile(tmp_path / name).read()


def test_a_relative_secret_is_a_systemd_credential_or_stands_beside_the_config(tmp_path: Path) -> None:
    credentials, beside = tmp_path / "credentials", tmp_path / "etc"
    credentials.mkdir()
    beside.mkdir()
    secret_at(beside / "token", "from the file")
    context: dict[str, Any] = {"directory": beside, "credentials_directory": credentials}
    assert WithSecret.model_validate({"token_file": "token"}, context=context).token_file.read() == "from the file"
    secret_at(credentials / "token", "from systemd", mode=0o440)  # as systemd leaves it, guarded by an access list
    assert WithSecret.model_validate({"token_file": "token"}, context=context).token_file.read() == "from systemd"
    absolute = {"token_file": str(credentials / "token")}
    assert WithSecret.model_validate(absolute, context=context).token_file.read() == "from systemd"
    absolute = {"token_file": str(beside / "token")}
    assert WithSecret.model_validate(absolute, context=context).token_file.read() == "from the file"


IN_A_CONTAINER = """
mount -t tmpfs tmpfs /run
mkdir /run/secrets
echo s3cret > /run/secrets/token
chown 1000 /run/secrets/token || true # where only one user is mapped
for mode in 0444 0400 0646 0464; do
    chmod $mode /run/secrets/token
    "$0" -m bot --config config.toml config check 2>&1 | tail -1
done
"""


def test_a_secret_that_docker_mounts_may_be_read_by_others_and_written_by_nobody(tmp_path: Path) -> None:
    alone = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mounts of its own on this machine")
    (tmp_path / "config.toml").write_text(
        '[[targets]]\nname = "bot"\nkind = "telegram"\nchat = "@me"\ntoken_file = "/run/secrets/token"\n'
    )
    done = subprocess.run(
        [*alone, "sh", "-euc", IN_A_CONTAINER, sys.executable],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert [re.sub(r"^.*token_file: ", "", line) for line in done.stdout.splitlines()] == [
        *["ok: 0 sources, 0 rules, 1 target"] * 2,
        "/run/secrets/token can be written by others (mode 0646); mount it with mode 0444",
        "/run/secrets/token can be written by others (mode 0464); mount it with mode 0444",
    ]
