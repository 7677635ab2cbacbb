"""Requests that a machine makes up from the description of the API: none is answered with a failure of the program."""

import copy
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, seed, settings

from tests.web.archive import Seeded
from tests.web.described import Description
from tests.web.serving import opened, served

schemathesis: Any = pytest.importorskip("schemathesis", reason="schemathesis is missing; make setup-web brings it")

# What gets further than a refusal, beside whatever a machine makes up.
GOOD = {
    "q": ["bridge", "*", "a~", '"regional command" OR NOT lashio', "date:[2025-11-01 TO 2025-11-30]", "has:voice -x",
          "re:/b.*e/", "in:ocr (a b)~3", "source:valley* tag:press", "id:1 event:1", "တိုင်းစစ်ဌာနချုပ်", "@taungkyar"],
    "since": ["7d", "2025-11-22", "0001-01-01", "1w", "2025-11-22T01:00+06:30"],
    "until": ["now", "9999-12-31", "2025-11-30", "2025-11-22T08:00Z"],
    "tz": ["Asia/Yangon", "UTC", "America/St_Johns"],
    "fields": ["id", "id,text", "name", "source"],
    "cursor": ["0", "-1.0", "1.1", "999999999999999999", "115592320778240", "-9", "--1", "1.", "\u0661"],
    "source": ["valley-radio", "nobody"],
    "rule": ["bridges", "regional-command"],
    "text": ["the bridge", "\u202e"],
    "id": ["1", "49", "999999999999999999"],
    "form": ["json", "jsonl", "csv"],
}  # fmt: skip


def with_good_values(document: dict[str, Any]) -> dict[str, Any]:
    """The description without the stream, which never ends, and with values that are not refused at once."""
    made = copy.deepcopy(document)
    del made["paths"]["/api/v1/stream"]
    for path in made["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                values = GOOD.get(parameter["name"])
                if values and parameter["schema"]["type"] == "array":
                    parameter["schema"] = {"type": "array", "items": {"enum": values}}
                elif values:
                    parameter["schema"] = {"anyOf": [{"enum": values}, parameter["schema"]]}
    return made


SOME = ("/search", "/posts.{form}", "/alerts")


def ask_all(address: str, examples: int, number: int, only: Sequence[str] = ()) -> Counter[int]:
    """Ask every address of the description, or only these, so often; how often each status came."""
    document = httpx.get(f"{address}/api/v1/openapi.json").json()
    description, met = Description(document), Counter[int]()
    asked = with_good_values(document)
    if only:
        asked["paths"] = {f"/api/v1{path}": asked["paths"][f"/api/v1{path}"] for path in only}
    for found in schemathesis.openapi.from_dict(asked).get_all_operations():
        operation = found.ok()

        @seed(number)
        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy())
        def ask(case: Any) -> None:
            prepared = case.as_transport_kwargs(base_url=address)
            made_up = dict(prepared.get("headers") or {})
            made_up.pop("Authorization", None)  # a token that it makes up is no header of HTTP, or opens nothing
            answer = httpx.request(
                prepared["method"],
                prepared["url"],
                params=prepared.get("params"),
                headers=made_up,
                content=prepared.get("data"),
                json=prepared.get("json"),
                timeout=120,
            )
            met[answer.status_code] += 1
            assert answer.status_code < 500
            if answer.request.url.path.startswith("/api/v1/"):
                description.check(answer, whole=False)

        ask()
    return met


@pytest.fixture
def on_loopback(seeded: Seeded) -> Callable[..., Counter[int]]:
    def ask(examples: int, seconds: float, only: Sequence[str] = ()) -> Counter[int]:
        met, number, until = Counter[int](), 0, time.monotonic() + seconds
        with opened(seeded) as room, served(room) as address:
            while not number or time.monotonic() < until:
                met += ask_all(address, examples, number, only)
                number += 1
        return met

    return ask


def test_no_request_makes_the_program_fail(on_loopback: Callable[..., Counter[int]]) -> None:
    assert {200, 400} <= on_loopback(5, 0, SOME).keys()


@pytest.mark.long
def test_no_request_of_ten_minutes_makes_the_program_fail(
    on_loopback: Callable[..., Counter[int]],
) -> None:
    assert on_loopback(40, 600)[200] > 100
