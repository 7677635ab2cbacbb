"""Caps and the floor of the disk hold at every moment, whatever the files are that come side by side."""

from hypothesis import given
from hypothesis import strategies as st

from bot.config.model import MediaConfig
from bot.intake.quota import MediaQuota, NoRoom
from storage.media.rows import Usage
from storage.records import DueMedia

KB = 1 << 10
files = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 200 * KB), st.booleans(), st.integers(1, 4)),
    min_size=1,
    max_size=30,
)


def limited(**kilobytes: int) -> MediaConfig:
    return MediaConfig.model_validate({name: f"{count}KB" if count else 0 for name, count in kilobytes.items()})


def due(number: int, source: str, told: int | None) -> DueMedia:
    return DueMedia(number, number, source, "voice", "https://cdn.example/v", None, told, None, 0, alerts=True)


@given(files, st.integers(1, 900), st.integers(1, 900), st.integers(0, 900), st.integers(1, 200))
def test_no_cap_is_exceeded_and_the_floor_is_kept(
    coming: list[tuple[str, int, bool, int]], per_source: int, total: int, disk: int, voice: int
) -> None:
    limits = limited(voice=voice, per_source=per_source, total=total, keep_free=100)
    room, free = MediaQuota(limits, Usage()), (100 + disk) * KB
    under_way: list[tuple[DueMedia, int, int, int]] = []  # with its size, the most it may take, and steps to its end
    waiting = [
        (due(number, source, size if told else None), size, steps)
        for number, (source, size, told, steps) in enumerate(coming)
    ]
    while waiting or under_way:
        file, size, steps = waiting.pop() if waiting else (None, 0, 0)
        if file is not None and len(under_way) < 4:
            found = room.found(file, free)
            if isinstance(found, int):
                assert found <= limits.voice
                room.begin(file, found)
                under_way.append((file, size, found, steps))
        left = []
        for one, whole, most, more in under_way:
            written = min(whole, most)
            if more == 1:
                room.wrote(one, written)
                room.end(one)
                if whole <= most:
                    free -= whole
                    room.kept(one, whole, new=True)
                else:
                    room.cut(one, most)
            else:
                left.append((one, whole, most, more - 1))
        under_way = left
        assert free >= limits.keep_free
        assert room.usage.total <= limits.total
        assert all(used <= limits.per_source for used in room.usage.by_source.values())


def test_what_is_under_way_only_makes_others_wait_and_is_no_reason() -> None:
    room = MediaQuota(limited(total=100, keep_free=0), Usage())
    room.begin(due(1, "a", None), 100 * KB)
    assert room.found(due(2, "a", None), 1 << 40) is None
    assert room.full("a", 1 << 40) == []
    room.end(due(1, "a", None))
    assert room.found(due(2, "a", None), 1 << 40) == 100 * KB


def test_the_reason_is_the_ceiling_that_is_reached_first() -> None:
    room = MediaQuota(limited(total=100, per_source=50, keep_free=0), Usage(40 * KB, {"a": 50 * KB}))
    assert room.full(("a", "b"), 1 << 40) == [NoRoom("[media] per_source (50KB) is full", "a")]
    room.usage.total = 100 * KB
    assert room.full(("a", "b"), 1 << 40) == [NoRoom("[media] total (100KB) is full")]
    assert room.full(("a", "b"), 0) == [NoRoom("the disk is full")]


def test_every_ceiling_holds_and_not_only_the_one_that_is_nearest() -> None:
    room = MediaQuota(limited(total=100, per_source=60, keep_free=0), Usage(50 * KB, {"a": 0}))
    assert room.found(due(1, "a", 45 * KB), 70 * KB) == 50 * KB
    assert room.found(due(1, "a", 55 * KB), 70 * KB) == NoRoom("[media] total (100KB) is full")
