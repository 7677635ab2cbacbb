"""Who may do what where: one row for each route. A route without a row fails, and so does a row without a route."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from bot.web.routes import ROUTES
from storage.alerts import mutes
from storage.alerts.mutes import Mute
from storage.archive.database import Archive
from tests.web.addresses import list_pages
from tests.web.archive import END, HOUR, Seeded
from tests.web.letting_in import Guarded, form_in, guarded
from tests.web.test_restricted import HIDDEN, OF_HIDDEN, traces

Least = Literal["everybody", "reader", "desk", "owner"]


@dataclass(frozen=True)
class Row:
    """Who at least may use a route. `example` is an address for everybody who may, `hidden` one of a hidden thing.

    In an address {name} is the id of a post of the seeded archive, or the hash of a file. An answer that is no failure
    may be `also`. `never` is `hidden` with something that never was.
    """

    least: Least
    example: str = ""
    hidden: str = ""
    also: int = 200
    fields: dict[str, str] = field(default_factory=dict)


READ = Row("reader")
# (method, route) -> who may.
TABLE: dict[tuple[str, str], Row] = {
    ("GET", "/"): READ,
    ("GET", "/search"): Row("reader", "/search?q=command"),
    ("GET", "/search/fresh"): Row("reader", "/search/fresh?q=command&after=1", also=400),
    ("GET", "/search/rule"): Row("reader", "/search/rule?q=command&replay=1"),
    ("GET", "/post/{id:id}"): Row("reader", "/post/{claim}", "/post/{denial}"),
    ("GET", "/post/{id:id}/fresh"): Row("reader", "/post/{claim}/fresh", "/post/{denial}/fresh", also=304),
    ("GET", "/post/{id:id}/cite.json"): Row("reader", "/post/{claim}/cite.json", "/post/{denial}/cite.json"),
    ("GET", "/post/{id:id}/raw/{sha256}"): Row("reader", "/post/{claim}/raw/" + "0" * 64, also=404),
    ("GET", "/post/{source}/{number:path}"): Row("reader", "/post/hill-rangers/1", "/post/state-spokesman/1", also=302),
    ("GET", "/event/{event:id}"): Row("reader", "/event/{claim}", "/event/{denial}"),
    ("GET", "/source/{name}"): Row("reader", "/source/hill-rangers", "/source/state-spokesman"),
    ("GET", "/coverage"): READ,
    ("GET", "/rules"): READ,
    ("GET", "/rules/{name}"): Row("reader", "/rules/regional-command?replay=7", "/rules/voice-of-the-spokesman"),
    ("GET", "/alerts"): READ,
    ("GET", "/alerts/{alert:id}"): Row("reader", "/alerts/{alert:pending}", "/alerts/{alert:deleted later}"),
    ("GET", "/files"): READ,
    ("GET", "/files/{sha256}"): Row("reader", "/files/{file:picture}", "/files/{file:recording}"),
    ("GET", "/help"): READ,
    ("GET", "/compare"): Row("reader", "/compare?q=command&a=hill-rangers&b=river-alliance"),
    ("GET", "/export"): Row("reader", "/export?q=command"),
    ("GET", "/export/file"): Row("reader", "/export/file?q=NOT+nothing&format=jsonl"),
    ("POST", "/act"): Row("desk", fields={"what": "ack", "alert": "{alert:pending}", "key": "k"}, also=303),
    ("GET", "/requests/{key}"): Row("desk", "/requests/none", also=404),
    ("GET", "/mute"): Row("desk"),
    ("GET", "/people"): Row("owner"),
    ("POST", "/people"): Row("owner", fields={"what": "lock", "name": "nobody"}, also=400),
    ("GET", "/sign-in"): Row("everybody"),
    ("POST", "/sign-in"): Row("everybody", also=403),
    ("POST", "/sign-out"): Row("reader", also=303),
    ("GET", "/enter/{secret}"): Row("everybody", "/enter/none", also=403),
    ("GET", "/static/{name:path}"): Row("everybody", "/static/room.css"),
    ("GET", "/api/v1/openapi.json"): READ,
    ("GET", "/api/v1/stream"): Row("reader", "/api/v1/stream?q=((", also=400),
    ("GET", "/api/v1/files/{sha256}"): Row("reader", "/api/v1/files/{file:picture}", "/api/v1/files/{file:recording}"),
    ("GET", "/api/v1/posts/{id}"): Row("reader", "/api/v1/posts/{claim}", "/api/v1/posts/{denial}"),
    ("GET", "/api/v1/posts/{source}/{number:path}"): Row(
        "reader", "/api/v1/posts/hill-rangers/1", "/api/v1/posts/state-spokesman/1"
    ),
    ("GET", "/api/v1/search/count"): Row("reader", "/api/v1/search/count?q=command"),
    ("GET", "/api/v1/events/{id}"): Row("reader", "/api/v1/events/{claim}", "/api/v1/events/{denial}"),
    ("GET", "/api/v1/alerts/{id}"): Row(
        "reader", "/api/v1/alerts/{alert:pending}", "/api/v1/alerts/{alert:deleted later}"
    ),
    ("GET", "/api/v1/rules/explain"): Row("reader", "/api/v1/rules/explain?q=command"),
    ("GET", "/api/v1/rules/test"): Row("reader", "/api/v1/rules/test?q=bridge&text=the+bridge"),
    ("GET", "/api/v1/rules/replay"): Row("reader", "/api/v1/rules/replay?q=NOT+nothing&since=2025-11-01"),
    ("GET", "/api/v1/stats"): Row("reader", "/api/v1/stats?since=2025-11-01"),
    ("GET", "/api/v1/status"): READ,
    ("POST", "/api/v1/alerts/{id}/ack"): Row("desk", "/api/v1/alerts/{alert:pending}/ack", also=202),
    ("POST", "/api/v1/alerts/{id}/useful"): Row("desk", "/api/v1/alerts/{alert:pending}/useful", also=202),
    ("POST", "/api/v1/alerts/{id}/noise"): Row("desk", "/api/v1/alerts/{alert:pending}/noise", also=202),
    ("POST", "/api/v1/mutes"): Row("desk", fields={"rule": "bridges"}, also=400),
    ("POST", "/api/v1/mutes/{id}/end"): Row("desk", "/api/v1/mutes/987654/end", also=404),
    ("GET", "/api/v1/coverage"): Row("reader", "/api/v1/coverage?since=2025-11-01"),
} | {
    ("GET", f"/feeds{token}{path}"): Row("reader", f"/feeds{shown}{example}", f"/feeds{shown}{hidden}" if hidden else "")
    for token, shown in (("", ""), ("/{token}", "/mine"))
    for path, example, hidden in (
        ("/search.{form}", "/search.atom?q=NOT+nothing", ""),
        ("/rules/{name:path}.{form}", "/rules/bridges.json", "/rules/voice-of-the-spokesman.json"),
        ("/sources.opml", "/sources.opml", ""),
    )
} | {
    ("GET", f"/api/v1/{name}{end}"): Row("reader", f"/api/v1/{name}{shown}{query}")
    for name, query in {
        "posts": "", "search": "?q=NOT+nothing", "events": "", "sources": "", "rules": "", "matches": "", "alerts": "",
        "mutes": "", "files": "",
    }.items()
    for end, shown in (("", ""), (".{form}", ".jsonl"))
}  # fmt: skip
RANKS: tuple[Least, ...] = ("everybody", "reader", "desk", "owner")


def known_routes() -> set[tuple[str, str]]:
    return {
        (method, route.path)
        for route in ROUTES
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    routes = known_routes()
    assert all(isinstance(route, Route) for route in ROUTES)
    missing = routes - TABLE.keys()
    assert missing == set(), "write into TABLE who may use it"
    assert TABLE.keys() - routes == set()


@pytest.fixture(scope="module")
def house(seeded: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(seeded, tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def browsers(house: Guarded) -> Iterator[dict[str, TestClient]]:
    """One browser or program for each who may come."""
    with ExitStack() as open_now:
        made = {"nobody": open_now.enter_context(house.browser())}
        for role in ("reader", "desk", "owner"):
            person = house.add(role, role)
            made[role] = open_now.enter_context(house.signed_in(person))
            if role == "owner":
                for scope in ("feeds", "read", "act"):
                    program = open_now.enter_context(house.browser())
                    program.headers["Authorization"] = f"Bearer {house.token(person, scope)}"
                    made[f"token {scope}"] = program
        guest = house.add("guest", "desk", "tag:public")
        made["guest"] = open_now.enter_context(house.signed_in(guest))
        program = open_now.enter_context(house.browser())
        program.headers["Authorization"] = f"Bearer {house.token(guest, 'act')}"
        made["guest's token"] = program
        yield made


def filled(seeded: Seeded, address: str) -> str:
    def value(found: re.Match[str]) -> str:
        kind, _, name = found[1].rpartition(":")
        known: dict[str, Mapping[str, object]] = {"": seeded.posts, "file": seeded.files, "alert": seeded.alerts}
        return str(known[kind][name])

    return re.sub(r"\{([^}]+)\}", value, address)


def send(browser: TestClient, seeded: Seeded, method: str, path: str, row: Row) -> tuple[int, str]:
    address = filled(seeded, row.example or path)
    if method == "GET":
        answer = browser.get(address)
    else:
        fields = {name: filled(seeded, value) for name, value in row.fields.items()}
        if path == "/sign-in":
            fields["name"] = f"nobody {id(browser)}"  # too many wrong ones would wait
        if "Authorization" not in browser.headers:
            shown = browser.get("/sign-in").text
            fields["form"] = form_in(shown) if 'name="form"' in shown else "none"
        answer = browser.post(address, data=fields)
    return answer.status_code, answer.text


# Who comes, and the most that they may do.
CALLERS: dict[str, Least] = {
    "nobody": "everybody", "reader": "reader", "desk": "desk", "owner": "owner",
    "token feeds": "everybody", "token read": "reader", "token act": "desk", "guest": "desk", "guest's token": "desk",
}  # fmt: skip


@pytest.mark.parametrize("caller", CALLERS)
def test_each_may_do_what_the_table_says_and_no_more(
    seeded: Seeded, browsers: dict[str, TestClient], caller: str
) -> None:
    wrong = []
    for (method, path), row in TABLE.items():
        if (method, path) not in known_routes() or path == "/sign-out":
            continue
        status, _ = send(browsers[caller], seeded, method, path, row)
        may = RANKS.index(row.least) <= RANKS.index(CALLERS[caller])
        if caller == "token feeds":
            expected = {200} if path.startswith("/feeds") else {403}
        elif may:
            expected = {200, row.also}
        elif caller == "nobody":
            expected = {401} if path.startswith("/api/") or method == "POST" else {404} if "/feeds/" in path else {303}
        else:
            expected = {403}
        if status not in expected:
            wrong.append((method, path, status, expected))
    assert wrong == []


@pytest.mark.parametrize("caller", ["guest", pytest.param("guest's token", marks=pytest.mark.long)])
def test_who_reads_some_sources_finds_no_trace_of_others_anywhere(
    seeded: Seeded, browsers: dict[str, TestClient], caller: str
) -> None:
    browser = browsers[caller]
    found: dict[str, list[str]] = {}
    everything = ""
    addresses = [filled(seeded, row.example or path) for (method, path), row in TABLE.items() if method == "GET"]
    for address in dict.fromkeys((*addresses, *list_pages(seeded).values())):
        if any(part in address for part in ("/enter/", "stream", "static", "openapi")):
            continue
        answer = browser.get(address)
        everything += browsers["owner"].get(address).text  # which shows that a trace would be seen
        words = answer.text + str(answer.headers)
        met = [trace for trace in traces(seeded) if trace in words and trace not in address]
        if met and not is_named_by(address, seeded):
            found[address] = met
        if is_named_by(address, seeded) and answer.status_code not in (404, 400):
            found[address] = [str(answer.status_code)]
    assert found == {}
    assert [trace for trace in traces(seeded) if trace not in everything] == []


def is_named_by(address: str, seeded: Seeded) -> bool:
    """Whether an address names a hidden thing itself."""
    hidden = [*(str(seeded.posts[name]) for name in OF_HIDDEN), *HIDDEN, seeded.files["recording"]]
    hidden += [seeded.files["document"], f"/alerts/{seeded.alerts['deleted later']}"]
    return any(one in address for one in hidden)


@pytest.mark.parametrize(("method", "path"), [key for key, row in TABLE.items() if row.hidden])
@pytest.mark.parametrize("caller", ["guest", "guest's token"])
def test_what_is_hidden_and_what_never_was_are_the_same_answer(
    seeded: Seeded, browsers: dict[str, TestClient], caller: str, method: str, path: str
) -> None:
    hidden = filled(seeded, TABLE[method, path].hidden)
    never = re.sub(r"[0-9a-f]{64}", "ab" * 32, hidden)
    never = re.sub(r"(?<=/)\d{4,}", "123456789", never)
    never = re.sub(r"(alerts/)\d+", r"\g<1>987654", never)
    never = never.replace("state-spokesman", "slate-spokesman").replace("voice-of-the-spokesman", "voice-of-a-nobody")
    assert never != hidden
    one, other = browsers[caller].get(hidden), browsers[caller].get(never)
    assert one.status_code == other.status_code == 404
    assert plain(one.text, hidden) == plain(other.text, never)
    assert set(one.headers) == set(other.headers)
    assert one.headers.get("etag") == other.headers.get("etag")


def plain(text: str, address: str) -> str:
    """Without what each answer has of its own: the address, and the secret of forms."""
    return re.sub(r'value="\w{24,}"', "", text.replace(address, ""))


MORE_RULES = """
[[rules]]
name = "by-tag"
query = "bridge"
tags = ["government"]

[[rules]]
name = "by-source"
query = "source:state-spokesman bridge"

[[rules]]
name = "by-side"
query = "bridge NOT side:junta"

[[rules]]
name = "by-a-rule"
query = "rule:by-side AND bridge"

[[rules]]
name = "by-a-rule-of-a-rule"
query = "rule:by-a-rule"

[[rules]]
name = "of-two-sources"
query = "bridge"
sources = ["state-spokesman", "hill-rangers"]
"""


def test_a_rule_that_names_something_hidden_is_hidden_on_every_page(
    copy_of_seeded: Callable[[], Seeded], tmp_path: Path
) -> None:
    plain = copy_of_seeded()
    file = plain.directory / "config.toml"
    file.write_text(file.read_text(encoding="utf-8") + MORE_RULES, encoding="utf-8")
    names = [line.split('"')[1] for line in MORE_RULES.splitlines() if line.startswith("name")]
    with guarded(plain.in_copy(plain.directory), tmp_path) as house:
        guest, ann = house.add("guest", "reader", "tag:public"), house.add("ann", "reader")
        with house.signed_in(guest) as browser, house.signed_in(ann) as whole:
            for listed in ("/rules", "/api/v1/rules"):
                assert [name for name in names if name in browser.get(listed).text] == []
                assert [name for name in names if name in whole.get(listed).text] == names
                assert "bridges" in browser.get(listed).text
            for name in names:
                for one in (f"/rules/{name}", f"/api/v1/rules/explain?rule={name}", f"/feeds/rules/{name}.atom"):
                    assert (browser.get(one).status_code, whole.get(one).status_code) == (404, 200), one


def test_a_mute_of_a_hidden_rule_is_hidden_with_its_reason(
    copy_of_seeded: Callable[[], Seeded], tmp_path: Path
) -> None:
    own = copy_of_seeded()
    with Archive(own.data_dir / "communique.db") as archive, archive.writing() as writer:
        for rule in ("voice-of-the-spokesman", "bridges"):
            mutes.add(writer, Mute(rule, None, None, None, None, END, END + HOUR, f"why {rule}", "Aye"))
    with guarded(own, tmp_path) as house:
        guest, ann = house.add("guest", "reader", "tag:public"), house.add("ann", "reader")
        with house.signed_in(guest) as browser, house.signed_in(ann) as whole:
            for listed in ("/alerts", "/api/v1/mutes", "/api/v1/status"):
                assert "why voice-of-the-spokesman" in whole.get(listed).text
                assert "why bridges" in browser.get(listed).text
                assert "voice-of-the-spokesman" not in browser.get(listed).text


def test_a_file_in_the_cache_of_a_browser_is_asked_for_again_when_somebody_else_has_signed_in(
    seeded: Seeded, browsers: dict[str, TestClient]
) -> None:
    file = f"/api/v1/files/{seeded.files['recording']}"
    first = browsers["owner"].get(file)
    assert "no-cache" in first.headers["cache-control"]
    known = {"If-None-Match": first.headers["etag"]}
    assert browsers["owner"].get(file, headers=known).status_code == 304
    assert browsers["guest"].get(file, headers=known).status_code == 404


def test_an_etag_says_nothing_of_what_is_hidden(seeded: Seeded, browsers: dict[str, TestClient]) -> None:
    for address in ("/api/v1/posts", "/api/v1/sources", "/api/v1/status", "/"):
        one, other = browsers["guest"].get(address), browsers["owner"].get(address)
        if "etag" in one.headers:
            assert one.headers["etag"] != other.headers["etag"]
            again = browsers["guest"].get(address, headers={"If-None-Match": other.headers["etag"]})
            assert again.status_code == 200
