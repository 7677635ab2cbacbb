"""What is written arrives whole, whatever the stream is: a file of the system, a slow pipe, or words that are collected."""

import io
import os
import threading
from pathlib import Path

import pytest

from bot.streams import write_out

WORDS = "စစ်ကြောင်း, then \udce9"


def test_words_that_a_program_collects_are_collected() -> None:
    collected = io.StringIO()
    write_out(collected, WORDS)
    assert collected.getvalue() == WORDS


def test_what_is_collected_is_not_left_in_a_buffer_of_ours() -> None:
    arrived: list[str] = []

    class Collector(io.StringIO):
        def flush(self) -> None:
            arrived.append(self.getvalue())

    write_out(Collector(), WORDS)
    assert arrived[:1] == [WORDS]


def test_a_file_gets_the_bytes_past_pythons_buffer(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="utf-8") as stream:
        write_out(stream, WORDS)
        assert (tmp_path / "out").read_bytes() == "စစ်ကြောင်း, then \\udce9".encode()


def test_a_pipe_that_is_read_slowly_and_blocks_nobody_gets_it_all() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    got = bytearray()

    def read() -> None:
        while piece := os.read(reading, 1000):
            got.extend(piece)

    thread = threading.Thread(target=read)
    thread.start()
    with os.fdopen(writing, "w") as stream:
        write_out(stream, "x" * 300_000)
    thread.join()
    os.close(reading)
    assert len(got) == 300_000


def test_a_stream_that_is_closed_says_so(tmp_path: Path) -> None:
    stream = (tmp_path / "out").open("w")
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        write_out(stream, WORDS)
