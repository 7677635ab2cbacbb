"""Sources are asked once, all at a time: what each shows, and what a person can do about the others."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cli.sources.advice import advise
from bot.errors import Later, Never
from storage.state_names import PLUG_IN_UNUSABLE, RATE_LIMITED

CONFIG = """
[[sources]]
name = "ferry"
kind = "replay"
path = "posts.jsonl"
[[sources]]
name = "away"
kind = "replay"
path = "nowhere.jsonl"
[[sources]]
name = "closed"
kind = "feed"
url = "http://127.0.0.1:9/feed"
[[sources]]
name = "off"
kind = "replay"
path = "posts.jsonl"
enabled = false
"""


def test_all_sources_are_asked_and_the_worst_decides_the_exit_code(
    inside: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    rows = [
        {"native_id": str(n), "posted_at": (now - timedelta(hours=12 * n)).isoformat(), "text": "x"} for n in range(9)
    ]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "config.toml").write_text(CONFIG)

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return inside("--config", str(tmp_path / "config.toml"), "--data-dir", str(tmp_path / "data"), *words)

    ran = run("sources", "check")
    lines = ran.stdout.splitlines()
    assert ran.returncode == 5
    assert lines[0].startswith("ferry: ok: 9 posts, the newest from ")
    assert lines[0].endswith(", about 2 a day")
    assert [line.split(":")[0] for line in lines[1:] if not line.startswith(" ")] == ["away", "closed"]
    assert "  set allow_private_addresses = true in [http] if you mean it" in lines
    some = run("sources", "check", "ferry", "off", "--json")
    assert (some.returncode, [one["source"] for one in json.loads(some.stdout)]) == (0, ["ferry", "off"])
    assert run("sources", "check", "ferry", "fery").returncode == 2


def test_of_one_that_fails_it_shows_what_is_known_and_what_to_do(
    inside: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    rows = [{"native_id": str(n), "posted_at": (now - timedelta(hours=n)).isoformat(), "text": "x"} for n in range(56)]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "config.toml").write_text(CONFIG)
    place = ("--config", str(tmp_path / "config.toml"), "--data-dir", str(tmp_path / "data"))
    inside(*place, "run", "--once")
    (tmp_path / "posts.jsonl").rename(tmp_path / "other.jsonl")
    ran = inside(*place, "sources", "check", "ferry")
    reason, known, to_do = ran.stdout.splitlines()
    assert reason.startswith("ferry: ")
    assert "posts.jsonl" in reason
    assert known.startswith(f"  known, the newest from {now.isoformat()[:10]}")
    assert ", about 2 a day, last answer " in known
    assert known.endswith(", asked by replay")
    assert to_do.strip()
    assert "posts.jsonl" in ran.stderr
    found = json.loads(inside(*place, "sources", "check", "ferry", "--json").stdout)
    assert (found["ok"], found["per_day"], found["way"]) == (False, 2.0, "replay")
    assert found["last_ok"] is not None
    closed = inside(*place, "sources", "check", "closed")
    assert closed.returncode == 5
    assert "  it has never answered; asked by feed" in closed.stdout.splitlines()


def test_without_any_source_it_says_what_is_missing(
    inside: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(CONFIG[CONFIG.index('[[sources]]\nname = "off"') :])
    ran = inside("--config", str(tmp_path / "config.toml"), "sources", "check", "--json")
    assert (ran.returncode, ran.stdout.strip()) == (0, "[]")
    assert "no source is enabled" in ran.stderr


def test_there_is_a_line_for_every_failure() -> None:
    assert advise(Never("it is gone", remedy="remove it")) == "remove it"
    assert "look at it" in advise(Never("it is gone"))
    assert "the network and the proxy" in advise(Later("a.example cannot be reached", unreached=True))
    assert "`every`" in advise(Later("slow down", state=RATE_LIMITED))
    assert advise(Later("500")) == "nothing to do: it is tried again by itself"
    assert advise(Later("broken", state=PLUG_IN_UNUSABLE)).startswith("repair or remove the package")
