"""The children that read what strangers wrote, asked as sources ask them; what is read in them is this file."""

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1]))

from bot.forks import serve
from bot.limits import limit_process
from bot.readers import AnswerTooLong, Readers, ToRead

_HERE = Path(__file__)
_MEMORY = 512 << 20
_seen: list[bytes] = []  # what a fork leaves behind in its own memory


@pytest.fixture(autouse=True)
def _counts_alone() -> Iterator[None]:
    """These tests count the processes that run this file: those of another worker would be among them."""
    with _HERE.open(encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def answer(order: Any, document: bytes, cpu_s: int) -> bytes:
    """Do what the document says, as if it had taken over its reader."""
    limit_process(cpu_s, _MEMORY)
    _seen.append(document)
    match document:
        case b"die":
            os.kill(os.getpid(), signal.SIGSEGV)
        case b"loop":
            while True:
                pass
        case b"sleep":
            time.sleep(600)
        case b"fill":
            return b"x" * (1 << 30)
        case b"long":
            return b"x" * 5000
        case b"forge":  # answers for whoever asks next, by every descriptor that it can find
            for descriptor in range(256):
                try:
                    os.write(descriptor, b"\0\0\0\6forged\0\0\0\0\0\0\0\0" * 3)
                except OSError:
                    continue
        case b"steal":  # takes the next question
            with open(0, "rb", closefd=False) as stdin:
                stdin.read()
        case b"linger":  # leaves something behind that goes on
            if os.fork() == 0:
                time.sleep(600)
    return json.dumps({"order": order, "seen": [one.decode() for one in _seen], "fork": os.getpid()}).encode()


def asking(document: bytes, *, cpu_s: int = 60, clock_s: float = 120.0, most: int = 4000) -> ToRead:
    return ToRead({"name": document.decode()}, document, cpu_s, clock_s, most)


def with_readers(work: Callable[[Readers], Awaitable[None]]) -> None:
    async def go() -> None:
        readers = Readers()
        try:
            await work(readers)
        finally:
            await readers.aclose()
        assert gone() == []

    asyncio.run(go())


def children() -> list[int]:
    """Process ids of everything alive that runs this file as a program."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line, state = (process / "cmdline").read_bytes(), (process / "stat").read_text().rpartition(") ")[2][0]
        except OSError:
            continue
        if str(_HERE).encode() in line.split(b"\0")[2:3] and state != "Z":
            found.append(int(process.name))
    return found


def gone() -> list[int]:
    """Nothing, as soon as those that were killed have died; who is still alive after a minute."""
    pause = threading.Event()
    for _ in range(1_200):
        if not children():
            return []
        pause.wait(0.05)
    return children()


async def said(readers: Readers, document: bytes) -> Any:
    text, code = await readers.ask(_HERE, asking(document))
    assert code == 0
    return json.loads(text)


def test_one_process_answers_many_questions_and_none_sees_another() -> None:
    async def go(readers: Readers) -> None:
        living, forks = set(), set()
        for number in range(5):
            words = f"document {number}"
            found = await said(readers, words.encode())
            assert found["order"] == {"name": words}
            assert found["seen"] == [words]
            living.update(children())
            forks.add(found["fork"])
        assert (len(living), len(forks)) == (1, 5)

    with_readers(go)


@pytest.mark.parametrize(
    ("document", "code"), [(b"die", -signal.SIGSEGV), (b"loop", -signal.SIGXCPU), (b"fill", 1), (b"steal", 1)]
)
def test_who_dies_or_takes_too_much_is_thrown_away_and_the_next_is_answered(document: bytes, code: int) -> None:
    async def go(readers: Readers) -> None:
        await said(readers, b"first")
        [before] = children()
        _, found = await readers.ask(_HERE, asking(document, cpu_s=1))
        assert found == code
        assert before not in children()
        assert (await said(readers, b"next"))["seen"] == ["next"]

    with_readers(go)


def test_a_document_that_takes_over_its_reader_cannot_answer_for_the_next() -> None:
    async def go(readers: Readers) -> None:
        await readers.ask(_HERE, asking(b"forge"))
        assert (await said(readers, b"next"))["seen"] == ["next"]

    with_readers(go)


def test_what_a_document_started_ends_with_its_answer() -> None:
    async def go(readers: Readers) -> None:
        async with asyncio.timeout(60):
            with pytest.raises(TimeoutError):  # what it started keeps the pipe of the answer open
                await readers.ask(_HERE, asking(b"linger", clock_s=3))
        assert (await said(readers, b"next"))["seen"] == ["next"]

    with_readers(go)


def test_an_answer_that_is_too_long_and_one_that_is_late_are_thrown_away() -> None:
    async def go(readers: Readers) -> None:
        with pytest.raises(AnswerTooLong):
            await readers.ask(_HERE, asking(b"long"))
        with pytest.raises(TimeoutError):
            await readers.ask(_HERE, asking(b"sleep", clock_s=2))
        assert gone() == []
        assert (await said(readers, b"next"))["seen"] == ["next"]

    with_readers(go)


def test_one_that_died_while_it_rested_is_replaced_without_a_word() -> None:
    async def go(readers: Readers) -> None:
        await said(readers, b"first")
        os.kill(children()[0], signal.SIGKILL)
        assert (await said(readers, b"next"))["seen"] == ["next"]

    with_readers(go)


def test_nothing_outlives_a_killed_program_whatever_is_being_read() -> None:
    asks = (
        "import asyncio; from tests import test_readers as t; asyncio.run(t.Readers().ask(t._HERE, t.asking(b'sleep')))"
    )
    pause = threading.Event()
    with subprocess.Popen([sys.executable, "-c", asks], cwd=_HERE.parents[1]) as program:
        while len(children()) < 2:  # the one that lives, and the fork that sleeps
            assert program.poll() is None
            pause.wait(0.05)
        program.kill()
    left = gone()
    for one in left:
        os.kill(one, signal.SIGKILL)
    assert left == []


def test_no_process_answers_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.readers._MOST_ANSWERS", 2)

    async def go(readers: Readers) -> None:
        living = set()
        for number in range(4):
            await said(readers, f"document {number}".encode())
            living.update(children())
        assert children() == []  # both have answered twice
        assert len(living) == 2

    with_readers(go)


if __name__ == "__main__":
    serve(answer)
