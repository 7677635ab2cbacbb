"""kill -9 between any two steps of hold, make and send: every alert comes once, alone or in a digest.

The same for a target that takes several messages at once.
"""

import asyncio
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from bot.alerts.outbox import Outbox
from bot.alerts.render import Rendering
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import Clock
from bot.contracts.message import Message, Shows
from bot.contracts.quiet import QuietHours
from bot.contracts.target import TargetSettings
from storage.alerts import deaths
from storage.archive.database import Archive

CYCLES = int(os.environ.get("COMMUNIQUE_TEST_KILLS", "10"))
NOW = 1_763_800_000_000_000  # 08:26:40 UTC
SPEED = 150  # virtual seconds in one of ours
QUIET = [{"from": f"{hour:02}:{minute:02}", "to": f"{hour:02}:{minute + 2:02}", "zone": "UTC", "except_from": "max"}
         for hour in range(8, 12) for minute in range(0, 60, 12)]  # fmt: skip


class Written:
    """A target that writes what it gets to a file, in one piece: with limits, or `several` messages at once."""

    def __init__(self, path: Path, *, several: bool) -> None:
        quiet = () if several else tuple(QuietHours.model_validate(one) for one in QUIET)
        self.settings = TargetSettings(name="desk", kind="written", per_minute=None if several else 3, quiet=quiet)
        self.shows = Shows("json")
        self.idempotent = several
        self.at_once = 16 if several else 1
        self.account: str | None = None
        self.chat: str | None = None
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def ready(self) -> None:
        """Takes everything at once."""

    async def send(self, message: Message) -> str | None:
        document = message.document if message.body is None else json.loads(b"".join(message.body.pieces()))
        await asyncio.sleep(0.003 if self.idempotent else 0)
        os.write(self._file, (json.dumps(document) + "\n").encode())
        await asyncio.sleep(0.003 if self.idempotent else 0)
        return "ok"


def live(path: Path, out: Path, began: float, *, several: bool) -> NoReturn:
    """What a daemon does with its outbox, in a process of its own, until it is killed."""
    clock = Clock(
        now=lambda: NOW + round((time.time() - began) * SPEED * 1_000_000), monotonic=lambda: time.monotonic() * SPEED
    )

    async def work() -> None:
        store = AsyncArchive(Archive(path))
        desk = Written(out, several=several)
        outbox = Outbox(store, {"desk": desk}, Rendering(ZoneInfo("UTC")), clock, Claims(clock), lambda _: None)
        await store.run(deaths.settle_death, clock.now())
        while True:
            await outbox.drain(clock.now())
            await asyncio.sleep(0.002)

    try:
        asyncio.run(work())
    finally:
        os._exit(1)


def start(path: Path, out: Path, began: float, *, several: bool = False) -> int:
    """A process that sends; its id."""
    process = os.fork()
    if process == 0:
        live(path, out, began, several=several)
    return process


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def test_a_kill_between_any_two_steps_lists_no_alert_twice_and_omits_none(line: Any, tmp_path: Path) -> None:
    chance, began, pause = random.Random(20261130), time.time(), threading.Event()
    out, path, count = tmp_path / "out.jsonl", line.archive.path, 0
    for _ in range(CYCLES):
        line.now = NOW + round((time.time() - began) * SPEED * 1_000_000)
        process = start(path, out, began)
        for _ in range(chance.randrange(1, 9)):
            post = line.post(native_id=str(count))
            line.match(post, priority=chance.choice(("default", "default", "high", "max")))
            if chance.random() < 0.3:
                line.match(post, rule="water")
            count += 1
        pause.wait(chance.uniform(0.01, 0.4))
        assert os.waitpid(process, os.WNOHANG) == (0, 0)
        kill(process)
    process = start(path, out, began)
    deadline = time.monotonic() + 120
    while any(state in {"pending", "sending"} for state in line.states()) and time.monotonic() < deadline:
        pause.wait(0.05)
    kill(process)
    check(line, [json.loads(row) for row in out.read_text().splitlines()])


def test_a_kill_with_several_messages_under_way_loses_none_and_repeats_none_without_a_mark(
    line: Any, tmp_path: Path
) -> None:
    chance, began, pause = random.Random(20261201), time.time(), threading.Event()
    out, path, count = tmp_path / "out.jsonl", line.archive.path, 0
    out.touch()

    def heard() -> int:
        return out.read_bytes().count(b"\n")

    for _ in range(CYCLES):
        line.now = NOW + round((time.time() - began) * SPEED * 1_000_000)
        for _ in range(chance.randrange(5, 15)):
            post = line.post(native_id=str(count))
            line.match(post)
            if chance.random() < 0.4:
                line.match(post, kind="edited", before="the northern command fell")
            count += 1
        wanted = heard() + chance.randrange(0, 9)
        process = start(path, out, began, several=True)
        deadline = time.monotonic() + 60
        while heard() < wanted and time.monotonic() < deadline:
            pause.wait(0.001)
        kill(process)
    process = start(path, out, began, several=True)
    deadline = time.monotonic() + 120
    while set(line.states()) != {"sent"} and time.monotonic() < deadline:
        pause.wait(0.05)
    kill(process)
    messages = [json.loads(row) for row in out.read_text().splitlines()]
    seen: dict[str, Any] = {}
    for message in messages:
        data = message["data"]
        assert message["id"] not in seen or data["possible_repeat"], "a repeat says so"
        assert message["type"] == "match" or data["in_reply_to"] in seen.values(), "an edit comes after its match"
        seen[message["id"]] = data["alert"]
    assert sorted(map(int, seen.values())) == [row["match_id"] for row in line.rows()]
    print(f"\nseveral at once: {CYCLES} kills, {len(seen)} alerts, {len(messages) - len(seen)} repeated with a mark")


def check(line: Any, messages: list[dict[str, Any]]) -> None:
    """Compare what arrived with what was owed."""
    assert {row["state"] for row in line.rows()} <= {"sent", "digested"}
    owed = Counter(str(row["match_id"]) for row in line.rows() if row["match_id"] is not None)
    once = {message["id"]: message for message in messages}
    heard: Counter[str] = Counter()
    for message in once.values():
        if message["type"] == "digest":
            posts = message["data"]["posts"]
            assert len({post["id"] for post in posts}) == len(posts)
            alerts = [alert["alert"] for post in posts for alert in post["alerts"]]
            assert len(alerts) == message["data"]["total"]
            heard.update(alerts)
        else:
            heard[message["data"]["alert"]] += 1
    print(
        f"\nalerts that are held, killed between any two steps: {CYCLES} cycles, {owed.total()} alerts expected, "
        f"{(owed - heard).total()} missing, {(heard - owed).total()} repeated without a mark"
    )
    assert heard == owed
    assert {message["type"] for message in messages} == {"digest", "match"}
