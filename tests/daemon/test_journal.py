"""What the daemon says: once when something breaks, once when it works again, and never at the cost of its life."""

import io
import os
import re
from dataclasses import dataclass, field, replace

from bot.clock import Clock
from bot.daemon.journal import CALM_S, Incident, Journal


@dataclass
class Heard:
    said: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def incident(self) -> Incident:
        return Incident(self.said.append, replace(Clock(), monotonic=lambda: self.seconds), "it works again")


def test_what_breaks_is_said_once_and_once_more_when_it_has_been_calm() -> None:
    heard = Heard()
    incident = heard.incident()
    incident.end()
    for _ in range(3):
        incident.begin("no space left")
        incident.end()  # half-full disks take a small write now and then
        heard.seconds += 5
    assert heard.said == ["no space left"]
    heard.seconds += CALM_S
    incident.end()
    incident.end()
    assert heard.said == ["no space left", "it works again"]
    incident.begin("no space left")
    assert heard.said[2:] == ["no space left"]


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    full = Journal(Full(), Clock(), stamps=True)
    full("a sentence")
    full.drain(60)
    closed = io.StringIO()
    closed.close()
    silent = Journal(closed, Clock(), stamps=False)
    silent("a sentence")
    silent.drain(60)


def test_what_a_stuck_reader_did_not_get_is_counted_and_said_when_it_reads_again() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as reader, os.fdopen(writing, "w", encoding="utf-8") as err:
        journal = Journal(err, Clock(), stamps=False)
        for number in range(5_000):
            journal(f"{number} " + "x" * 100)  # 500 kB: the pipe takes 64 kB, the journal a thousand lines
        journal.drain(0.1)
        lines: list[str] = []
        while not lines or "not shown" not in lines[-1]:
            lines.append(reader.readline().rstrip())
        missed = re.fullmatch(r"(\d+) messages were not shown, because nothing read this output", lines[-1])
        assert missed is not None, lines[-1]
        assert len(lines) - 1 + int(missed[1]) == 5_000
        journal("heard again")
        assert reader.readline() == "heard again\n"
