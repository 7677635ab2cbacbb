"""The API for who may read some sources: no answer has a trace of others, and the description holds for it, too."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.config import paths
from bot.web.api.endpoints import DOCUMENTS, LISTS
from bot.web.viewer import Viewer
from storage.archive.database import Archive
from storage.sources import states
from tests.web.archive import Seeded
from tests.web.described import Description
from tests.web.serving import asking, opened
from tests.web.test_api import REQUIRED
from tests.web.test_restricted import HIDDEN, traces


@pytest.fixture(scope="module")
def reader(seeded: Seeded) -> Any:
    with Archive(paths.database_in(seeded.data_dir)).reading() as known:
        visible = frozenset(row.id for row in states.list_sources(known) if row.name not in HIDDEN)
    with opened(seeded, Viewer("ann", "reader", visible)) as room, asking(room) as client:
        yield client


EVERY = [*LISTS, *(one for one in DOCUMENTS if "{" not in one.path)]


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.path)
def test_no_answer_has_a_trace_of_a_hidden_source(reader: TestClient, seeded: Seeded, one: Any) -> None:
    description = Description(reader.get("/api/v1/openapi.json").json())
    for end in ("", ".csv") if one in LISTS else ("",):
        answer = reader.get(f"/api/v1{one.path}{end}{REQUIRED.get(one.path, '')}")
        description.check(answer)
        assert answer.status_code == 200
        assert [trace for trace in traces(seeded) if trace in answer.text] == []


def test_what_is_hidden_and_what_there_never_was_have_the_same_answer(reader: TestClient, seeded: Seeded) -> None:
    def get(address: str) -> tuple[int, str]:
        answer = reader.get(f"/api/v1{address}")
        return answer.status_code, answer.text

    assert get(f"/posts/{seeded.posts['denial']}") == get("/posts/1")
    assert get("/posts/state-spokesman/1") == get("/posts/nobody/1")
    assert get(f"/events/{seeded.posts['deleted']}") == get("/events/1")
    assert get(f"/files/{seeded.files['recording']}") == get(f"/files/{'0' * 64}")
    assert get("/rules/explain?rule=voice-of-the-spokesman") == get("/rules/explain?rule=nothing")
    for list_, name in (("/posts", "source"), ("/files", "source")):
        assert get(f"{list_}?{name}=state-spokesman") == get(f"{list_}?{name}=nobody")
    hidden = next(one["id"] for one in all_alerts(seeded) if one["source"] in HIDDEN)
    assert get(f"/alerts/{hidden}") == get("/alerts/999999")


def all_alerts(seeded: Seeded) -> Any:
    with opened(seeded) as room, asking(room) as client:
        return json.loads(client.get("/api/v1/alerts").text)["items"]
