"""The room that is kept on the disk is really there, and really given back."""

from pathlib import Path

from bot.daemon.reserve import SIZE, Reserve


def test_room_that_is_kept_is_allocated_and_given_back_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path)
    assert not reserve.release(), "nothing was kept yet"
    assert reserve.keep()
    assert reserve.keep(), "once is enough"
    [kept] = tmp_path.iterdir()
    assert kept.stat().st_blocks * 512 >= SIZE
    assert reserve.release()
    assert list(tmp_path.iterdir()) == []
    assert not reserve.release()
    assert reserve.keep(), "when there is room again"


def test_where_nothing_can_be_kept_nothing_is_given_back_and_nothing_fails(tmp_path: Path) -> None:
    gone = Reserve(tmp_path / "gone")
    assert not gone.keep()
    assert not gone.release()
