"""What a digest says where it arrives: at a webhook, in a chat of Telegram."""

import asyncio
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.alerts.composing import Composer
from bot.alerts.render import Rendering
from bot.archive import AsyncArchive
from bot.contracts.message import Shows
from bot.errors import Later
from storage.alerts import digests, matches
from storage.alerts.outbox import to_delivery
from storage.posts import observations, saving
from storage.records import Batch, Checked, FetchedPost, MatchRow, Raw

MINUTE = 60_000_000
HOUR = 60 * MINUTE


def hold(line: Any, kind: Any = "quiet") -> int:
    """Make a digest of everything that is pending, as at the end of quiet hours."""
    ids = [row["id"] for row in line.rows() if row["state"] == "pending"]
    with line.archive.writing() as writer:
        return digests.make(writer, "desk", kind, (line.now - 8 * HOUR, line.now), ids, line.now)


def publish(line: Any, texts: list[str]) -> None:
    """Posts that match, in one transaction: many are quicker so."""
    first, *others = texts
    line.match(line.post(first, native_id="0"))
    posts = tuple(
        FetchedPost(
            native_id=str(number), raw=Raw(text.encode(), "text/plain"), text=text, posted_at=line.now,
            url=f"https://t.me/spokesman/{number}",
        )
        for number, text in enumerate(others, 1)
    )  # fmt: skip
    with line.archive.writing() as writer:
        for post in saving.save(writer, 1, Batch(posts=posts), now=line.now, method="test", alerts=True).new:
            found = MatchRow("fire", "v1", post, "h", "match", line.now, (), alerting=True, why="new match")
            matches.save(writer, found, ["desk"], line.now)


def test_a_webhook_gets_each_held_post_once_with_every_alert_about_it(line: Any, deliver: Any, sink: Any) -> None:
    posts = [line.post(f"the command says {number}", native_id=str(number)) for number in range(3)]
    for post in posts:
        line.match(post)
    line.match(posts[1], rule="water", priority="high")
    began, made = line.now, hold(line)
    deliver(kind="webhook", url=sink.url)
    [(_, body)] = sink.received
    assert body["type"] == "digest"
    data = body["data"]
    assert (data["kind"], data["digest"], data["total"]) == ("quiet", str(made), 4)
    assert data["window"] == {"from": "2025-11-22T00:26:40Z", "to": "2025-11-22T08:26:40Z"}
    assert began == line.now
    assert [post["id"] for post in data["posts"]] == [str(posts[number]) for number in (1, 0, 2)]  # high comes first
    assert [[one["rule"] for one in post["alerts"]] for post in data["posts"]] == [
        ["water", "fire"],
        ["fire"],
        ["fire"],
    ]
    assert sum(len(post["alerts"]) for post in data["posts"]) == data["total"]
    assert data["posts"][1]["text"] == "the command says 0"


def test_a_digest_of_more_posts_than_a_document_holds_is_whole(line: Any, deliver: Any, sink: Any) -> None:
    wanted = 120
    publish(line, [f"the command says {number} <b>\x1b[31m" for number in range(wanted)])
    hold(line)
    deliver(kind="webhook", url=sink.url)
    data = sink.received[0][1]["data"]
    assert data["total"] == len({post["native_id"] for post in data["posts"]}) == len(data["posts"]) == wanted


def test_a_disk_that_takes_no_more_puts_a_large_digest_off_and_loses_nothing(line: Any, tmp_path: Path) -> None:
    publish(line, [f"the command says {number}" for number in range(101)])
    hold(line)
    with line.archive.reading() as reader:
        [row] = [one for one in map(to_delivery, reader.rows("SELECT * FROM deliveries")) if one.kind == "digest"]

    async def compose() -> Any:
        store = AsyncArchive(line.archive)
        composer = Composer(store, Rendering(ZoneInfo("UTC"), data_dir=tmp_path / "missing"))
        try:
            return await composer.compose([row], Shows("json"))
        finally:
            await store.aclose()

    [problem] = asyncio.run(compose())
    assert isinstance(problem, Later)
    assert "cannot be written to disk: No such file" in problem.reason


def test_telegram_shows_what_fits_and_counts_the_rest(line: Any, deliver: Any, telegram: Any, bot_api: Any) -> None:
    publish(line, [f"<b>command</b> & \u202e{number} " + "🛰️" * 90 for number in range(100)])
    made = hold(line, "limit")
    deliver(**telegram)
    [message] = bot_api.said
    assert len(bot_api.asked) == 1  # taken at the first try: its markup is sound, and it is not too long
    lines = message.text.splitlines()
    assert lines[0] == "held by a limit: 100 alerts about 100 posts"
    assert lines[1] == "from 2025-11-22 00:26:40 UTC = 2025-11-22 06:56:40 Asia/Yangon"
    assert lines[2] == "to 2025-11-22 08:26:40 UTC = 2025-11-22 14:56:40 Asia/Yangon"
    shown = sum(line.startswith("https://t.me/spokesman/") for line in lines)
    assert shown > 8
    assert lines[-1] == f"and {100 - shown} more posts: `communique alerts list --digest {made}`"
    assert "\u202e" not in message.text
    assert "<b>command</b> & " in message.text


def test_a_digest_says_what_became_of_a_held_post(line: Any, deliver: Any, telegram: Any, bot_api: Any) -> None:
    kept, edited, gone = (line.post(f"the command says {number}", native_id=str(number)) for number in range(3))
    for post in (kept, edited, gone):
        line.match(post)
    line.now += HOUR
    line.post("the command says nothing", native_id="1")
    with line.archive.writing() as writer:
        for moment in (line.now - 11 * MINUTE, line.now):
            looked = Checked("2", "absent", "re-check", control=True)
            observations.record_absence(writer, gone, looked, moment, 10 * MINUTE)
    hold(line)
    deliver(**telegram)
    heads = [line for line in bot_api.said[0].text.splitlines() if line.startswith("fire")]
    assert ["edited since, 2025-11-22 15:56" in head for head in heads] == [False, True, False]
    assert ["deleted since" in head for head in heads] == [False, False, True]


def test_the_command_that_a_digest_names_lists_what_it_lists(line: Any, run: Any) -> None:
    line.match(line.post(native_id="1"))
    made = hold(line)
    line.match(line.post(native_id="2"))
    [alert] = json.loads(run("list", "--digest", str(made), "--json")[1])
    assert (alert["id"], alert["deliveries"][0]["digest"]) == ("1", str(made))
    assert run("list", "--digest", "77")[0] == 3
