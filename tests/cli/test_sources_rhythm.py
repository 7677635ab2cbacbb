"""What a person reads of the rhythm of a source, and how silence is accepted."""

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]
CONFIG = """
[defaults]
timezone = "Europe/Berlin"
[[sources]]
name = "ferry"
kind = "replay"
path = "posts.jsonl"
backfill = "all"
"""


@pytest.fixture
def collected(inside: Program, tmp_path: Path) -> Program:
    """A source that has posted at the same two times of each day for 60 days, but not nine days ago."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    moments = [now - timedelta(days=day, hours=hour) for day in range(60, -1, -1) for hour in (7, 1)]
    kept = [at for at in moments if not timedelta(days=9) < now - at < timedelta(days=10)]
    rows = [{"native_id": str(at), "posted_at": at.isoformat(), "text": "Sailings."} for at in kept]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "config.toml").write_text(CONFIG)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return inside("--config", str(tmp_path / "config.toml"), "--data-dir", str(tmp_path / "data"), *words)

    assert run("run", "--once").returncode == 0
    return run


def test_the_rhythm_of_a_source_is_shown_with_what_would_have_been_reported(collected: Program) -> None:
    shown = json.loads(collected("sources", "rhythm", "ferry", "--json").stdout)
    assert (shown["known"], shown["posts"], len(shown["slots"])) == (True, 120, 2)
    assert set(shown["slots"][0]) == {"time", "words"}
    # one or both of the slots of the last day are past, by the hour at which this runs
    assert {one["what"] for one in shown["would_report"]} == {"silence", "slot"}
    assert set(shown["would_report"][0]) == {"at", "what", "slot", "since", "until"}
    assert sum(sum(day["posts"]) for day in shown["hours"]) == 120
    drawn = collected("sources", "rhythm", "ferry").stdout.splitlines()
    assert any(line.startswith("usual times (Europe/Berlin): every day about ") for line in drawn)
    assert sum("█" in line for line in drawn) >= 1
    times = f"it would have been reported {len(shown['would_report'])} times:"
    assert any(line.startswith("since ") and line.endswith(times) for line in drawn)


@pytest.mark.parametrize("since", ["2099-01-01", "0001-01-01", "99999999d", "now"])
def test_a_begin_in_the_future_or_before_all_time_is_answered_too(collected: Program, since: str) -> None:
    ran = collected("sources", "rhythm", "ferry", "--since", since)
    assert (ran.returncode, ran.stderr, "it would have been reported" in ran.stdout) == (0, "", True)


def test_accepting_says_when_one_hears_of_it_again(collected: Program) -> None:
    ran = collected("sources", "ack", "ferry")
    assert "which is accepted; if it is still silent at" in ran.stdout
    missing = collected("sources", "ack", "fery")
    assert (missing.returncode, 'did you mean "ferry"?' in missing.stderr) == (2, True)
