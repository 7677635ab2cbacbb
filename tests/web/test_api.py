"""The API: every answer is as its description says, and has what the command prints."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from bot.documents.as_json import as_json
from bot.listing.alerts import list_alerts
from bot.web.api.endpoints import DOCUMENTS, LISTS
from storage.alerts import matches, mutes
from storage.archive.database import Archive
from storage.posts import reading
from tests.page_of_schemas import PLACE, page
from tests.web.archive import CLAIM, HOUR, Day, Seeded
from tests.web.described import Description
from tests.web.serving import asking, opened

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def client(seeded: Seeded) -> Iterator[TestClient]:
    with opened(seeded) as room, asking(room) as client:
        yield client


@pytest.fixture(scope="module")
def description(client: TestClient) -> Description:
    return Description(client.get("/api/v1/openapi.json").json())


@pytest.fixture
def ask(client: TestClient, description: Description) -> Ask:
    """Ask the API; whatever it answers is compared with its description."""

    def get(address: str, *, whole: bool = True, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = client.get(f"/api/v1{address}", headers=named)
        description.check(answer, whole=whole)
        return answer

    return get


def test_the_schemas_are_those_of_the_pages() -> None:
    assert PLACE.read_text(encoding="utf-8") == page(), "`make docs` writes it"


REQUIRED = {"/search": "?q=command", "/search/count": "?q=command", "/rules/explain": "?rule=bridges",
            "/rules/test": "?rule=bridges&text=a+bridge", "/rules/replay": "?q=bridge"}  # fmt: skip


@pytest.mark.parametrize("listed", LISTS, ids=lambda one: one.path)
def test_every_list_has_something_and_is_the_same_in_all_forms(ask: Ask, listed: Any) -> None:
    asked = REQUIRED.get(listed.path, "")
    found = ask(listed.path + asked).json()
    assert found["items"]
    for suffix in (".json", ".jsonl", ".csv"):
        answer = ask(listed.path + suffix + asked)
        if suffix == ".json":
            assert answer.json()["items"] == found["items"]
        elif suffix == ".jsonl":
            assert [json.loads(line) for line in answer.text.splitlines()][: len(found["items"])] == found["items"]
        else:
            header, *rows = csv.reader(io.StringIO(answer.text))
            assert header == list(listed.columns)
            assert set(header) == set(found["items"][0])
            assert len(rows) >= len(found["items"])


@pytest.mark.parametrize("listed", LISTS, ids=lambda one: one.path)
def test_every_list_is_whole_and_without_repetition_page_by_page(ask: Ask, listed: Any) -> None:
    asked = REQUIRED.get(listed.path, "")
    [*whole] = map(json.loads, ask(f"{listed.path}.jsonl{asked}").text.splitlines())
    address, paged = f"{listed.path}{asked}{'&' if asked else '?'}limit=3", []
    while address:
        answer = ask(address)
        found = answer.json()
        paged += found["items"]
        assert len(found["items"]) <= 3
        address = (found["next"] or "").removeprefix("/api/v1")
        assert answer.links.get("next", {}).get("url") == found["next"]
    assert paged == whole


def test_copies_ended_mutes_and_sources_that_leave_move_nothing_out_of_a_walk(
    copy_of_seeded: Callable[[], Seeded],
) -> None:
    copied = copy_of_seeded()
    seeded = replace(copied, posts=dict(copied.posts))
    with Archive(seeded.data_dir / "communique.db") as archive, opened(seeded) as room, asking(room) as client:
        day = Day(archive, seeded.config, seeded)
        day.now, day.numbers = seeded.now, {one.name: 1_000 for one in seeded.config.sources}
        with archive.writing() as writer:
            for number in range(4):
                given = (f"rule {number}", None, None, None, "desk", day.now, day.now + HOUR, "", "Aye")
                mutes.add(writer, mutes.Mute(*given))
        whole = {path: _walk(client, path, lambda _: None) for path in ("/events", "/mutes")}
        assert str(seeded.posts["claim"]) in whole["/events"][3:]

        def copy(page: int) -> None:
            day.say(("gulf-observer", "border-daily")[page % 2], f"late {page}", f"{CLAIM} ({page})")

        def end(page: int) -> None:
            with archive.writing() as writer:
                assert mutes.end(writer, int(whole["/mutes"][page - 1]), seeded.now, "Aye")

        assert _walk(client, "/events", copy) == whole["/events"]
        assert _walk(client, "/events", lambda _: None)[0] == str(seeded.posts["claim"])
        assert _walk(client, "/mutes", end) == whole["/mutes"]
        sources = _walk(client, "/sources", lambda _: None, "name")

        def leave_out(page: int) -> None:
            with archive.writing() as writer:  # as if the config had it no longer: commands list it last
                writer.execute("UPDATE sources SET enabled = 0 WHERE name = :name", {"name": sources[page - 1]})

        assert _walk(client, "/sources", leave_out, "name") == sources == sorted(sources)
        rules = _walk(client, "/rules", lambda _: None, "name")
        assert rules == [rule.name for rule in seeded.config.rules]
        assert client.get("/api/v1/rules?cursor=no-such-rule").json()["parameter"] == "cursor"


def _walk(client: TestClient, path: str, between: Callable[[int], None], key: str = "id") -> list[str]:
    """The ids of a list in pages of two; something happens after each page."""
    address, found, pages = f"/api/v1{path}?limit=2&fields={key}", list[str](), 0
    while address:
        page = client.get(address).json()
        found += [one[key] for one in page["items"]]
        address, pages = page["next"], pages + 1
        between(pages)
    return found


def test_lists_longer_than_a_page_are_streamed_whole(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ask("/posts.csv").text, ask("/posts.jsonl").text, ask("/alerts.jsonl?limit=11").text
    monkeypatch.setattr("bot.web.api.answers._PIECE", 4)
    assert (ask("/posts.csv").text, ask("/posts.jsonl").text, ask("/alerts.jsonl?limit=11").text) == whole
    assert "etag" not in ask("/posts.csv").headers


@pytest.mark.parametrize("one", [one for one in DOCUMENTS if "{" not in one.path], ids=lambda one: one.path)
def test_every_document_is_as_described(ask: Ask, one: Any) -> None:
    assert ask(one.path + REQUIRED.get(one.path, "")).status_code == 200


def test_posts_events_and_alerts_are_found_by_id_and_a_post_by_its_number(ask: Ask, seeded: Seeded) -> None:
    for post_id in seeded.posts.values():
        post = ask(f"/posts/{post_id}?history=true").json()
        assert post["history"]
        by_number = ask(f"/posts/{post['source']}/{quote(post['native_id'])}", whole=False).json()
        assert (by_number["id"], "history" in by_number) == (str(post_id), False)
        assert ask(f"/events/{post['event']}").json()["members"]
    for alert in ask("/alerts").json()["items"]:
        assert ask(f"/alerts/{alert['id']}").json()["why"] == alert["why"]


def test_what_it_gives_is_what_the_commands_print(ask: Ask, seeded: Seeded) -> None:
    with Archive(seeded.data_dir / "communique.db").reading() as reader:
        [post] = reading.read_posts(reader, [max(seeded.posts.values())])
        listed = list(list_alerts(reader, matches.list_matches(reader, limit=20)))
    assert as_json(post) in ask("/posts?limit=500").json()["items"]
    assert ask("/alerts?limit=20").json()["items"] == listed


def test_a_list_is_narrowed_by_source_tag_time_rule_and_state(ask: Ask) -> None:
    def sources(address: str) -> set[str]:
        return {one["source"] for one in ask(address).json()["items"]}

    assert sources("/posts?source=valley-radio&source=border-daily") == {"valley-radio", "border-daily"}
    assert sources("/search?q=command+OR+bridge&tag=government") == {"state-spokesman"}
    assert sources("/posts?source=nobody") == set()
    assert {one["rule"] for one in ask("/alerts?rule=bridges").json()["items"]} == {"bridges"}
    assert all(one["acked"] is None for one in ask("/alerts?unacked=true").json()["items"])
    assert {one["state"] for one in ask("/files?state=stored").json()["items"]} == {"stored"}
    noon = "2025-11-22T05:00:00Z"
    later, earlier = (ask(f"/posts?{end}={noon}&limit=500").json()["items"] for end in ("since", "until"))
    assert later
    assert earlier
    assert all((one["posted_at"] or one["collected_at"]) >= noon for one in later)
    assert len(later) + len(earlier) == len(ask("/posts?limit=500").json()["items"])
    # 2025-11-22T01:30Z is the morning of the 22nd in Yangon and the evening of the 21st in Chicago
    assert ask("/posts?until=2025-11-21&tz=America/Chicago").json()["items"]
    assert not ask("/posts?until=2025-11-21&tz=Asia/Yangon").json()["items"]


def test_fields_are_chosen_in_every_form(ask: Ask) -> None:
    assert list(ask("/posts?fields=text,id&limit=1", whole=False).json()["items"][0]) == ["text", "id"]
    assert ask("/posts.csv?fields=source,id&limit=1", whole=False).text.startswith('"source","id"\n')
    assert list(ask("/status?fields=healthy", whole=False).json()) == ["healthy"]
    refused = ask("/posts?fields=id,secret")
    assert (refused.status_code, refused.json()["parameter"]) == (400, "fields")


def test_the_form_is_chosen_by_the_header_accept(ask: Ask) -> None:
    kinds = {
        "*/*": "application/json",
        "text/csv": "text/csv",
        "application/x-ndjson": "application/x-ndjson",
        "text/html, text/csv;q=0.2, application/json;q=0.5": "application/json",
        "text/html,*/*;q=0.1": "application/json",
    }
    for accept, kind in kinds.items():
        assert ask("/posts?limit=1", accept=accept).headers["content-type"].startswith(kind)
    assert ask("/posts?limit=1", accept="image/png").status_code == 406
    assert ask("/posts?limit=1", accept="text/csv;q=x").status_code == 406


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json;q=0, */*", "application/x-ndjson"),
        ("application/json;q=0, application/x-ndjson;q=0, */*;q=0.1", "text/csv"),
        ("application/json;q=0.4, text/*;q=0.5", "text/csv"),
        ("text/csv, */*", "text/csv"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/html, */*;q=0.8", "application/json"),
        (" , ,", "application/json"),
    ],
)
def test_what_names_a_form_most_exactly_says_how_much_it_is_wanted(ask: Ask, accept: str, kind: str) -> None:
    assert ask("/rules", accept=accept).headers["content-type"].startswith(kind)


def test_forms_that_are_all_refused_are_not_sent(ask: Ask) -> None:
    for accept in ("*/*;q=0", "application/json;q=0, text/*;q=0, application/x-ndjson;q=0", "*/*;q=nan"):
        assert ask("/rules", accept=accept).status_code == 406


@pytest.mark.parametrize("asked", ["bytes={size}-", "bytes=99999999-", "bytes={size}-99999999999999999999", "bytes=-0"])
def test_a_part_beyond_the_end_of_a_file_is_refused_with_its_length(
    ask: Ask, client: TestClient, seeded: Seeded, asked: str
) -> None:
    address = f"/files/{seeded.files['recording']}"
    size = len(client.get(f"/api/v1{address}").content)
    answer = ask(address, range=asked.format(size=size))
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert answer.json()["status"] == 416


def test_an_answer_has_a_tag_and_is_not_sent_twice(ask: Ask) -> None:
    for address in ("/posts?limit=5", "/search?q=command", "/posts.csv?limit=5", "/stats", "/openapi.json"):
        tag = ask(address).headers["etag"]
        again = ask(address, if_none_match=f'"other", W/{tag}')
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert ask(address, if_none_match='"other"').status_code == 200


@pytest.mark.parametrize(
    ("address", "status", "parameter", "position"),
    [
        ("/search?q=lashio+OR+(", 400, "q", 10),
        ("/search", 400, "q", None),
        ("/search?q=", 400, "q", None),
        ("/posts?since=last+year", 400, "since", None),
        ("/posts?since=today&until=yesterday", 400, "since", None),
        ("/posts?until=2026-13-01", 400, "until", None),
        ("/posts?tz=Mars/Olympus", 400, "tz", None),
        ("/posts?limit=ten", 400, "limit", None),
        ("/posts?limit=501", 400, "limit", None),
        ("/posts?limit=1&limit=2", 400, "limit", None),
        ("/posts?cursor=x", 400, "cursor", None),
        ("/posts?cursor=--1", 400, "cursor", None),
        ("/events?cursor=1", 400, "cursor", None),
        ("/posts?sinse=7d", 400, "sinse", None),
        ("/alerts?state=lost", 400, "state", None),
        ("/alerts?unacked=maybe", 400, "unacked", None),
        ("/stats?since=1900-01-01", 400, "since", None),
        ("/rules/test?text=x", 400, "rule", None),
        ("/rules/explain?rule=a&q=b", 400, "rule", None),
        ("/rules/explain?rule=nowhere", 404, None, None),
        ("/posts/1", 404, None, None),
        ("/posts/nobody/1", 404, None, None),
        ("/posts.xml", 404, None, None),
        ("/alerts/99999999999999999999", 404, None, None),
        ("/files/" + "0" * 64, 404, None, None),
        ("/files/..%2f..%2fcommunique.db", 404, None, None),
    ],
)
def test_a_mistake_is_a_problem_with_its_place(
    client: TestClient, address: str, status: int, parameter: str | None, position: int | None
) -> None:
    answer = client.get(f"/api/v1{address}")
    document = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, document["status"]) == (status, status)
    assert (document.get("parameter"), document.get("position")) == (parameter, position)
    assert document["detail"]


def test_times_beyond_all_calendars_are_answered(ask: Ask) -> None:
    assert ask("/posts?since=999999999w").json()["items"]
    assert ask("/posts?since=0001-01-01&until=9999-12-30").json()["items"]


def test_other_methods_are_refused_with_those_that_there_are(client: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = client.request(method, "/api/v1/posts")
        assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"GET", "HEAD"})
        assert answer.json()["status"] == 405
    both = client.put("/api/v1/mutes").headers["allow"]  # a list, and an action
    assert set(both.split(", ")) == {"GET", "HEAD", "POST"}


def test_what_is_missing_is_for_programs_there_and_for_people_elsewhere(client: TestClient) -> None:
    assert client.get("/api/v1/nowhere").headers["content-type"] == "application/problem+json"
    assert client.get("/nowhere").headers["content-type"].startswith("text/html")


def test_formulas_are_made_safe(ask: Ask) -> None:
    for row in csv.reader(io.StringIO(ask("/posts.csv").text)):
        assert not [cell for cell in row if cell[:1] in ("=", "+", "-", "@")]
