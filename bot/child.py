"""One question to a child process, one bounded answer; nothing that the child started outlives it."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

_PIPES_CLOSE_S = 5.0  # a process that left the group may hold a pipe open


@asynccontextmanager
async def started(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, stderr: int = DEVNULL
) -> AsyncIterator[Process]:
    """Start the command in a process group of its own; kill the group at the end. Raises OSError if it cannot start."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=stderr, env=environment, start_new_session=True
    )
    try:
        yield process
    finally:
        kill_group(process)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PIPES_CLOSE_S):
                await process.communicate()  # asyncio notices the end only when the pipes are read to theirs


async def exchange(
    process: Process, question: bytes, most: int, too_long: Exception, heard: bytearray | None = None
) -> bytes:
    """Write the question, close stdin and read the whole answer. Raises `too_long` beyond `most` bytes.

    What came so far is in `heard`, for whoever breaks this off.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(question)
        await process.stdin.drain()
    process.stdin.close()
    answer = bytearray() if heard is None else heard
    while piece := await process.stdout.read(1 << 16):
        answer += piece
        if len(answer) > most:
            raise too_long
    return bytes(answer)


def kill_group(process: Process) -> None:
    """Kill the child and every process that it started and that stayed in its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
