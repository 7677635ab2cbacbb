"""The table of the benchmarks: what a row says, what counts as missed, and how costs are taken."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench._table import Cost, Row, amount, cost, in_turn, program, ratio, table, verdict


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (ratio("a", Cost(3, 9), Cost(2, 1), goal=1.5), False),
        (ratio("a", Cost(3.1, 1), Cost(2, 9), goal=1.5), True),
        (amount("a", 50, "ms", goal=50), False),
        (amount("a", 39.9, "alerts/s", goal=40, at_least=True), True),
        (amount("a", 1e9, "B"), False),
    ],
)
def test_a_goal_is_missed_by_processor_time_and_in_its_own_direction(row: Row, missed: bool) -> None:
    assert row.is_missed is missed


def test_the_table_shows_what_was_measured_the_goal_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [ratio("store a post", Cost(0.3, 0.5), Cost(0.1, 0.1), goal=2, count=100), amount("index", 1234, "B")]
    head, first, second = table(rows)
    assert head.split() == ["ours", "floor", "result", "goal"]
    assert " ".join(first.split()) == "store a post 3 ms (5 ms wall) 1 ms (1 ms wall) 3 x <= 2 x MISSED"
    assert second.split() == ["index", "1,234", "B"]
    assert verdict(rows) == 1
    assert verdict(rows[1:]) == 0
    assert "1 of 1 goals missed" in capsys.readouterr().out


def test_a_child_that_was_waited_for_is_part_of_the_cost() -> None:
    busy, idle = in_turn(
        program([sys.executable, "-c", "sum(range(10_000_000))"]), program([sys.executable, "-c", "pass"]), rounds=1
    )
    assert busy.cpu > 2 * idle.cpu
    assert cost(lambda: None).cpu < idle.cpu


def test_a_program_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="exited with 3: oh"):
        program([sys.executable, "-c", "import sys; print('oh', file=sys.stderr); sys.exit(3)"])()


def test_an_unknown_benchmark_is_refused_with_the_list_of_all() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "nope"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no benchmark nope; there are" in done.stderr
