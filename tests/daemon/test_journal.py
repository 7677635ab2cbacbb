"""What the daemon says: once when something breaks, once when it works again, and never at the cost of its life."""

import io
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

    Journal(Full(), Clock(), stamps=True)("a sentence")
    closed = io.StringIO()
    closed.close()
    Journal(closed, Clock(), stamps=False)("a sentence")
