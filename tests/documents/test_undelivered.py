from dataclasses import replace

import pytest

from bot.documents.undelivered import explain_wait
from storage.alerts.waiting import UndeliveredRow

NOW = 1_763_800_000_000_000
ROW = UndeliveredRow(
    1, 7, None, "match", "desk", "pending", "fire", "spokesman", NOW - 5, NOW - 5, 0, None, None, None, None, "ok", None, None
)  # fmt: skip


@pytest.mark.parametrize(
    ("row", "words", "until"),
    [
        (replace(ROW, state="dead", reason="chat not found"), "chat not found; `communique alerts retry`", None),
        (replace(ROW, state="sending"), "being sent", None),
        (replace(ROW, target_state="parked", target_reason="blocked"), "suspended: blocked", None),
        (replace(ROW, held="quiet", held_until=NOW + 9, reason="quiet hours: so"), "quiet hours: so", NOW + 9),
        (replace(ROW, held="late"), "late digest", None),
        (replace(ROW, target_hold_until=NOW + 9), "asked for a pause", NOW + 9),
        (replace(ROW, held_until=NOW + 9, reason="quiet hours: alone"), "quiet hours: alone", NOW + 9),
        (replace(ROW, not_before=NOW + 9, attempts=2, reason="down"), "down", NOW + 9),
        (replace(ROW, not_before=NOW + 9), "not due yet", NOW + 9),
        (replace(ROW, earlier=5), "alert 5 about the same post goes first", None),
        (replace(ROW, target_state="failing", target_reason="down"), "does not accept alerts: down", None),
        (ROW, "`communique run` sends it", None),
        (replace(ROW, held_until=NOW - 9, reason="over per_hour = 1: so"), "`communique run` sends it", None),
    ],
)
def test_every_message_that_has_not_arrived_says_why_and_until_when(
    row: UndeliveredRow, words: str, until: int | None
) -> None:
    reason, found = explain_wait(row, NOW)
    assert words in reason
    assert found == until
