"""What people do on pages: asked for once, refused to those who may not, and said when no daemon runs."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.answers.requested import do_request
from bot.config import paths
from storage.alerts import mutes
from storage.archive.database import Archive
from storage.people import persons, requests
from tests.web.archive import END, Seeded
from tests.web.letting_in import PASSWORD, Guarded, form_in, guarded


@pytest.fixture(scope="module")
def own(seeded: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """An archive that these tests write to."""
    return seeded.in_copy(Path(copytree(seeded.directory, tmp_path_factory.mktemp("acted") / "seeded")))


@pytest.fixture
def house(own: Seeded, tmp_path: Path) -> Iterator[Guarded]:
    with guarded(own, tmp_path) as house:
        yield house


def post(browser: TestClient, path: str, **fields: Any) -> Any:
    form = form_in(browser.get("/alerts").text)
    return browser.post(path, data={"form": form, **{name: str(value) for name, value in fields.items()}})


def asked(house: Guarded) -> list[requests.ActionRow]:
    with house.people.reading() as reader:
        return requests.list_open(reader, 99)


def work(house: Guarded) -> None:
    """What the daemon does with what is open."""
    with closing(Archive(paths.database_in(house.room.config.data_dir))) as archive:
        for one in asked(house):
            with archive.writing() as writer, house.people.writing() as people:
                done = do_request(writer, house.room.config, one, house.now)
                requests.settle(people, one.id, done.outcome, done.said, house.now)


def test_an_alert_is_taken_up_on_its_page(house: Guarded, own: Seeded) -> None:
    alert = own.alerts["pending"]
    with house.signed_in(house.add("Ann", "desk")) as browser:
        page = browser.get(f"/alerts/{alert}").text
        assert "No daemon runs" in page
        answer = post(browser, "/act", what="ack", alert=alert, key="k1", back=f"/alerts/{alert}")
        assert answer.status_code == 303
        shown = browser.get(answer.headers["location"])
        assert "No daemon runs" in shown.text
        work(house)
        shown = browser.get(answer.headers["location"])
        assert f"alert {alert} is acknowledged by Ann" in shown.text
        assert f'href="/alerts/{alert}"' in shown.text
        assert "Ann" in browser.get(f"/alerts/{alert}").text


def test_the_same_form_twice_is_one_request_and_another_persons_is_none_of_mine(house: Guarded, own: Seeded) -> None:
    ann, bea = house.add("Ann", "desk"), house.add("Bea", "desk")
    with house.signed_in(ann) as browser, house.signed_in(bea) as other:
        fields = {"what": "noise", "alert": own.alerts["dead"], "key": "k"}
        places = {post(browser, "/act", **fields).headers["location"] for _ in range(3)}
        assert len(places) == len(asked(house)) == 1
        elsewhere = post(other, "/act", **fields).headers["location"]
        assert elsewhere not in places
        assert other.get(places.pop()).status_code == 404
        assert [one.who for one in asked(house)] == ["Ann", "Bea"]


def test_a_mute_is_asked_for_with_an_end_and_a_reason(house: Guarded, own: Seeded) -> None:
    with house.signed_in(house.add("Ann", "desk")) as browser:
        page = browser.get("/mute?rule=regional-command&source=<b>")
        assert 'value="regional-command"' in page.text
        assert "<b>" not in page.text
        wanted = {"what": "mute", "rule": "regional-command", "for": "1h", "key": "m"}
        assert post(browser, "/act", **wanted).status_code == 400
        assert post(browser, "/act", **wanted, why="x", source="nowhere").status_code == 400
        assert asked(house) == []
        assert post(browser, "/act", **wanted, why="an exercise").status_code == 303
        work(house)
        with Archive(paths.database_in(own.data_dir)) as archive, archive.reading() as reader:
            [made] = [one for one in mutes.read_active(reader, END) if one.why == "an exercise"]
        listed = browser.get("/alerts").text
        assert "End the mute" in listed
        assert post(browser, "/act", what="unmute", mute=made.id, key="u").status_code == 303
        work(house)
        with Archive(paths.database_in(own.data_dir)) as archive, archive.reading() as reader:
            assert made.id not in {one.id for one in mutes.read_active(reader, END)}


@pytest.mark.parametrize(
    ("wrong", "parameter"),
    [
        ({"for": "soon"}, "for"),
        ({"for": ""}, "for"),
        ({"for": "8d"}, "for"),
        ({"for": "0h"}, "for"),
        ({"why": " "}, "why"),
        ({"why": "x" * 501}, "why"),
        ({"rule": "no-such-rule"}, "rule"),
        ({"source": "nowhere"}, "source"),
        ({"tag": "no-such-tag"}, "tag"),
        ({"target": "nobody"}, "target"),
        ({"query": "x" * 3000}, "query"),
        ({"nothing": "x"}, "nothing"),
    ],
)
def test_a_mistake_in_a_mute_names_its_parameter(house: Guarded, wrong: dict[str, str], parameter: str) -> None:
    token = house.token(house.add("Ann", "desk"), "act")
    given = {"rule": "bridges", "for": "1h", "why": "x"} | wrong
    with house.browser() as program:
        answer = program.post("/api/v1/mutes", json=given, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json().get("parameter")) == (400, parameter)
    assert asked(house) == []


def test_the_form_of_a_mute_suggests_what_whoever_asks_may_see(house: Guarded) -> None:
    with house.signed_in(house.add("Ann", "desk")) as browser:
        whole = browser.get("/mute").text
    with house.signed_in(house.add("Bea", "desk", "tag:public")) as browser:
        part = browser.get("/mute").text
    for name in ("regional-command", "state-spokesman", "hill-rangers", "night-desk"):
        assert f'<option value="{name}">' in whole
    assert '<option value="hill-rangers">' in part
    assert "state-spokesman" not in part
    assert 'name="query"' not in part


def test_a_query_that_cannot_be_read_is_a_mistake_with_its_place(house: Guarded) -> None:
    ann = house.add("Ann", "desk")
    given = {"query": "bridge OR (lashio", "for": "1h", "why": "x"}
    with house.signed_in(ann) as browser:
        answer = post(browser, "/act", what="mute", key="q", **given)
        assert (answer.status_code, "never closed, at: (lashio" in answer.text) == (400, True)
    with house.browser() as program:
        token = house.token(ann, "act")
        answer = program.post("/api/v1/mutes", json=given, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 400
        assert (answer.json()["parameter"], answer.json()["position"]) == ("query", 10)
    assert asked(house) == []


@pytest.mark.parametrize(
    ("may_read", "fields", "status"),
    [
        ("tag:public", {"what": "ack", "alert": "deleted later"}, 400),
        ("tag:public", {"what": "mute", "rule": "bridges", "for": "1h", "why": "x"}, 400),
        ("tag:public", {"what": "mute", "source": "state-spokesman", "for": "1h", "why": "x"}, 400),
        ("tag:public", {"what": "mute", "tag": "public", "for": "1h", "why": "x"}, 400),
        ("tag:public", {"what": "mute", "source": "hill-rangers", "query": "a", "for": "1h", "why": "x"}, 400),
        ("tag:public", {"what": "mute", "source": "hill-rangers", "for": "1h", "why": "x"}, 303),
        ("tag:public", {"what": "ack", "alert": "pending"}, 303),
        ("tag:public", {"what": "unmute", "mute": "99"}, 400),
    ],
)
def test_who_reads_some_sources_acts_on_these_alone_and_learns_nothing_by_trying(
    house: Guarded, own: Seeded, may_read: str, fields: dict[str, str], status: int
) -> None:
    fields = {**fields, "alert": str(own.alerts.get(fields.get("alert", ""), ""))}
    with house.signed_in(house.add("Gus", "desk", may_read)) as browser:
        answer = post(browser, "/act", key="k", **fields)
        assert answer.status_code == status
        if fields.get("source") == "state-spokesman":
            never = post(browser, "/act", key="k", **{**fields, "source": "stone-spokesman"})
            assert answer.text == never.text.replace("stone", "state")


def test_an_owner_lets_people_in_changes_them_and_removes_them(house: Guarded) -> None:
    with house.signed_in(house.add("Olga", "owner")) as browser:

        def change(what: str, name: str, **fields: str) -> int:
            return int(post(browser, "/people", what=what, name=name, **fields).status_code)

        assert change("add", "Ann", role="reader", may_read="tag:public", password=PASSWORD) == 303
        for wrong in (
            {"name": "Ann", "role": "reader", "password": PASSWORD},
            {"name": "B", "role": "king", "password": PASSWORD},
            {"name": "B", "role": "reader", "password": "short"},
            {"name": "B\u202e", "role": "reader", "password": PASSWORD},
            {"name": "B", "role": "owner", "may_read": "tag:x", "password": PASSWORD},
            {"name": "B", "role": "reader", "may_read": "team:x", "password": PASSWORD},
        ):
            assert change("add", **wrong) == 400
        page = browser.get("/people").text
        assert "Ann" in page
        assert "tag:public" in page
        assert change("rights", "Ann", role="desk", may_read="") == 303
        assert change("lock", "Ann") == 303
        with house.people.reading() as reader:
            ann = persons.find_person(reader, "Ann")
        assert ann is not None
        assert (ann.role, ann.may_read, ann.locked_at) == ("desk", None, house.now)
        assert change("unlock", "Ann") == 303
        assert change("password", "Ann", password="another password") == 303
        for what in ("lock", "remove", "rights"):
            assert change(what, "olga", role="reader") == 400
        assert change("remove", "Ann") == 303
        assert change("remove", "Ann") == 400
        with house.people.reading() as reader:
            assert [one.name for one in persons.list_people(reader)] == ["Olga"]


def test_a_program_acts_as_its_owner_may_and_once_with_one_key(house: Guarded, own: Seeded) -> None:
    ann = house.add("Ann", "desk")
    alert = own.alerts["sent"]
    with house.browser() as program:
        program.headers["Authorization"] = f"Bearer {house.token(ann, 'act')}"
        key = {"Idempotency-Key": "mine"}
        answers = [program.post(f"/api/v1/alerts/{alert}/useful", headers=key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [202, 202]
        assert len(asked(house)) == 1
        work(house)
        done = program.post(f"/api/v1/alerts/{alert}/useful", headers=key)
        assert (done.status_code, done.json()["outcome"]) == (200, "ok")
        mute = {"rule": "bridges", "target": "night-desk", "for": "2h", "why": "x", "even_max": False}
        assert program.post("/api/v1/mutes", json=mute).status_code == 202
        half = b'{"rule": "bridges", "for": "2h", "why": "\\ud800"}'  # of a letter
        for wrong in (half, b"[]", b"{", b'{"rule": 1}', b'{"who": "x"}', b'{"rule": "bridges"}', b"[" * 60_000):
            answer = program.post("/api/v1/mutes", content=wrong, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
        assert program.post("/api/v1/alerts/99999999/ack").status_code == 404
        assert program.post("/api/v1/alerts/x/ack").status_code == 404
        read_only = {"Authorization": f"Bearer {house.token(ann, 'read')}"}
        assert program.post(f"/api/v1/alerts/{alert}/ack", headers=read_only).status_code == 403
