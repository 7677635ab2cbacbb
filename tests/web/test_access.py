"""Who gets in, and who does not: passwords, sessions, tokens, one-time addresses, proxies, forms of other sites."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from bot.web.access.door import Door
from storage.people import persons
from tests.web.archive import HOUR, SECOND, Seeded
from tests.web.letting_in import HASH, PASSWORD, Guarded, form_in, guarded

PROXIED = Door(8765, local=False, secure=True, behind_proxy=True, trusted=(ip_network("10.0.0.0/24"),))


@pytest.fixture
def house(seeded: Seeded, tmp_path: Path) -> Iterator[Guarded]:
    with guarded(seeded, tmp_path) as house:
        yield house


def sign_in(browser: TestClient, name: str, password: str, to: str = "/") -> tuple[int, str]:
    form = form_in(browser.get("/sign-in").text)
    answer = browser.post("/sign-in", data={"form": form, "name": name, "password": password, "to": to})
    return answer.status_code, answer.headers.get("location", answer.text)


def test_nobody_reads_anything_before_they_sign_in(house: Guarded) -> None:
    with house.browser() as browser:
        for path in ("/", "/search?q=a b", "/no-such-page", "/static-not"):
            answer = browser.get(path)
            assert (answer.status_code, answer.text) == (303, "")
        assert browser.get("/search?q=a b").headers["location"] == "/sign-in?to=/search%3Fq%3Da%2520b"
        assert browser.get("/api/v1/posts").status_code == 401
        assert browser.get("/feeds/cmq_x/a.atom").status_code == 404
        assert browser.post("/search").status_code == 401
        assert browser.get("/sign-in").status_code == 200


def test_a_one_time_address_lets_the_user_of_this_machine_in_once(house: Guarded) -> None:
    address = house.invitation()
    with house.browser() as browser:
        assert browser.head(address).status_code == 403
        assert browser.get(address, headers={"Sec-Purpose": "prefetch;prerender"}).status_code == 403
        assert browser.get(address, headers={"Purpose": "prefetch"}).status_code == 403
        assert browser.get(address, headers={"X-Moz": "prefetch"}).status_code == 403
        answer = browser.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert "SameSite" in answer.headers["set-cookie"]
        page = browser.get("/")
        assert page.status_code == 200
        assert browser.post("/sign-out", data={"form": form_in(page.text)}).status_code == 303
        assert browser.get("/").status_code == 303
    with house.browser() as another:
        assert another.get(address).status_code == 403
        assert another.get("/").status_code == 303


def test_a_name_and_a_password_let_somebody_in_and_lead_where_they_wanted_to_go(house: Guarded) -> None:
    house.add("Ann", "desk")
    with house.browser() as browser:
        assert sign_in(browser, "ann", PASSWORD, "/search?q=bridge") == (303, "/search?q=bridge")
        assert browser.get("/search?q=bridge").status_code == 200
    for elsewhere in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:1",
        "",
        "/\n/evil.example",
    ):
        with house.browser() as browser:
            assert sign_in(browser, "ann", PASSWORD, elsewhere) == (303, "/")


def test_a_session_ends_by_itself_and_is_no_session_of_another_browser(house: Guarded) -> None:
    ann = house.add("ann", "desk")
    with house.signed_in(ann) as browser:
        assert browser.get("/").status_code == 200
        house.times.append(house.now + 11 * HOUR)
        assert browser.get("/").status_code == 200  # and was used
        house.times.append(house.now + 11 * HOUR)
        assert browser.get("/").status_code == 200
        house.times.append(house.now + 13 * HOUR)
        assert browser.get("/").status_code == 303


@pytest.mark.parametrize("change", ["lock", "password", "remove"])
def test_who_is_locked_out_or_gets_another_password_is_out_at_once(house: Guarded, change: str) -> None:
    ann = house.add("ann", "desk")
    token = house.token(ann, "read")
    with house.signed_in(ann) as browser, house.browser() as program:
        bearer = {"Authorization": f"Bearer {token}"}
        assert (browser.get("/").status_code, program.get("/", headers=bearer).status_code) == (200, 200)
        with house.people.writing() as writer:
            if change == "lock":
                persons.lock_person(writer, ann, house.now)
            elif change == "password":
                persons.set_password(writer, ann, HASH, house.now)
            else:
                persons.remove_person(writer, ann)
        assert browser.get("/").status_code == 303
        assert program.get("/", headers=bearer).status_code == (200 if change == "password" else 401)
        if change == "lock":
            assert sign_in(browser, "ann", PASSWORD)[0] == 403


def test_whatever_is_wrong_the_answer_is_the_same_to_the_byte(house: Guarded) -> None:
    house.add("ann", "desk")
    house.add("proxied", "desk", password=None)
    locked = house.add("locked", "desk")
    with house.people.writing() as writer:
        persons.lock_person(writer, locked, house.now)
    answers = set()
    for name, password in (
        ("ann", "wrong"), ("nobody", "wrong"), ("locked", PASSWORD), ("proxied", ""), ("", ""), ("ann", "x" * 5000),
        ("a\x00b\ud800".encode("utf-8", "replace").decode(), "w"),
    ):  # fmt: skip
        with house.browser() as browser:
            status, text = sign_in(browser, name, password)
            answers.add((status, text.replace(form_in(text), "")))
    assert len(answers) == 1
    assert answers.pop()[0] == 403


def test_after_five_wrong_passwords_even_the_right_one_waits(house: Guarded) -> None:
    house.add("ann", "desk")
    house.add("bea", "desk")
    for name in ("ann", "nobody"):
        with house.browser() as browser:
            seen = [sign_in(browser, name, "wrong")[0] for _ in range(7)]
        assert seen == [403] * 5 + [429] * 2
    with house.browser() as browser:
        form = form_in(browser.get("/sign-in").text)
        answer = browser.post("/sign-in", data={"form": form, "name": "ann", "password": PASSWORD})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "15")
        assert sign_in(browser, "bea", PASSWORD)[0] == 303
    with house.browser(peer="192.0.2.7") as elsewhere:
        assert sign_in(elsewhere, "ann", PASSWORD)[0] == 303
    house.times.append(house.now + 20 * SECOND)
    with house.browser() as browser:
        assert sign_in(browser, "ann", PASSWORD)[0] == 303


def test_to_look_at_the_form_is_no_wrong_password(house: Guarded) -> None:
    house.add("ann", "reader")
    with house.browser() as browser:
        assert [browser.head("/sign-in?name=ann&password=wrong").status_code for _ in range(8)] == [200] * 8
        with house.people.reading() as reader:
            assert reader.value("SELECT count(*) FROM attempts") == 0


def test_a_token_opens_what_its_scope_says(house: Guarded) -> None:
    ann = house.add("ann", "desk")
    answers = {}
    with house.browser() as program:
        for scope in ("feeds", "read", "act"):
            bearer = {"Authorization": f"Bearer {house.token(ann, scope)}"}
            answers[scope] = (program.get("/", headers=bearer).status_code, "set-cookie" in program.get("/").headers)
        ended = house.token(ann, "read", house.now + HOUR)
        house.times.append(house.now + HOUR)
        assert program.get("/", headers={"Authorization": f"Bearer {ended}"}).status_code == 401
        for wrong in ("Bearer", "Bearer ", "Bearer x", "Basic YTpi", "cmq_"):
            assert program.get("/", headers={"Authorization": wrong}).status_code == 401
        feed = house.token(ann, "feeds")
        assert program.get(f"/feeds/{feed}/none.atom").status_code == 404
        assert program.get(f"/?token={feed}").status_code == 303
    assert answers == {"feeds": (403, False), "read": (200, False), "act": (200, False)}


@pytest.mark.parametrize(
    ("headers", "change"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, {}),
        ({"Sec-Fetch-Site": "same-site"}, {}),
        ({"Origin": "http://evil.example"}, {}),
        ({"Origin": "http://127.0.0.1:9999"}, {}),
        ({}, {"form": ""}),
        ({}, {"form": "0" * 64}),
    ],
)
def test_a_form_of_another_site_changes_nothing(
    house: Guarded, headers: dict[str, str], change: dict[str, str]
) -> None:
    ann = house.add("ann", "desk")
    with house.signed_in(ann) as browser:
        form = form_in(browser.get("/").text)
        assert browser.post("/sign-out", data={"form": form} | change, headers=headers).status_code == 403
        assert browser.get("/").status_code == 200
        assert browser.post("/sign-out", data={"form": form}, headers={"Origin": "null"}).status_code == 303


def test_the_form_of_one_browser_is_none_of_another(house: Guarded) -> None:
    with house.signed_in(house.add("ann", "desk")) as one, house.signed_in(house.add("bea", "desk")) as other:
        form = form_in(one.get("/").text)
        assert other.post("/sign-out", data={"form": form}).status_code == 403


def test_nobody_is_signed_in_by_a_form_of_another_site(house: Guarded) -> None:
    house.add("ann", "desk")
    with house.browser() as attacker, house.browser() as victim:
        form = form_in(attacker.get("/sign-in").text)
        data = {"form": form, "name": "ann", "password": PASSWORD}
        assert victim.post("/sign-in", data=data).status_code == 403
        assert victim.get("/").status_code == 303


def test_a_proxy_that_is_trusted_says_who_comes_and_nobody_else_does(seeded: Seeded, tmp_path: Path) -> None:
    with guarded(seeded, tmp_path, PROXIED) as house:
        house.add("ann", "desk", password=None)
        named = {"Remote-User": "ann"}
        with house.browser(peer="10.0.0.5") as proxy:
            assert proxy.get("/", headers=named).status_code == 200
            assert proxy.get("/", headers={"Remote-User": "nobody"}).status_code == 403
            assert proxy.get("/").status_code == 303
            assert proxy.get("/", headers=[("Remote-User", "nobody"), ("Remote-User", "ann")]).status_code == 403
            assert proxy.get("/", headers={"Remote-User": ""}).status_code == 403
        for peer in ("10.0.1.5", "127.0.0.1", "192.0.2.1", "::1"):
            with house.browser(peer=peer) as stranger:
                assert stranger.get("/", headers=named).status_code == 403
                assert stranger.get("/sign-in", headers=named).status_code == 403


def test_without_a_trusted_proxy_its_header_is_nothing(house: Guarded) -> None:
    house.add("ann", "owner")
    with house.browser() as browser:
        assert browser.get("/", headers={"Remote-User": "ann"}).status_code == 303


def test_one_time_addresses_and_sessions_of_this_machine_end_at_a_proxy(seeded: Seeded, tmp_path: Path) -> None:
    with guarded(seeded, tmp_path) as house:
        address, session = house.invitation(), house.session(None)
    with guarded(seeded, tmp_path, PROXIED) as house, house.browser(base_url="https://127.0.0.1") as browser:
        assert browser.get(address).status_code == 403
        browser.cookies.set(f"{PROXIED.cookie}-session", session, domain="127.0.0.1", path="/")
        assert browser.get("/").status_code == 303


def test_behind_a_proxy_the_address_is_what_the_proxy_has_added(seeded: Seeded, tmp_path: Path) -> None:
    with guarded(seeded, tmp_path, PROXIED) as house:
        house.add("ann", "desk")

        def try_from(forwarded: str, password: str) -> int:
            with house.browser(peer="10.0.0.5", base_url="https://127.0.0.1") as browser:
                form = form_in(browser.get("/sign-in").text)
                data = {"form": form, "name": "ann", "password": password}
                return browser.post("/sign-in", data=data, headers={"X-Forwarded-For": forwarded}).status_code

        assert [try_from(f"198.51.100.{n}, 192.0.2.1", "wrong") for n in range(6)] == [403] * 5 + [429]
        assert try_from("192.0.2.1, 192.0.2.2", PASSWORD) == 303


@pytest.mark.parametrize(
    ("peer", "client"),
    [("127.0.0.1", "192.0.2.1"), ("10.0.0.5", "192.0.2.1"), ("::ffff:10.0.0.5", "192.0.2.1"), ("8.8.8.8", "8.8.8.8")],
)
def test_nobody_in_the_world_is_a_proxy_of_their_own(peer: str, client: str) -> None:
    door = Door(443, local=False, secure=True, behind_proxy=True)
    assert door.client_of(peer, Headers({"x-forwarded-for": "192.0.2.1"})) == client


def test_another_address_of_the_same_network_is_no_new_beginning(seeded: Seeded, tmp_path: Path) -> None:
    with guarded(seeded, tmp_path) as house:
        house.add("ann", "desk")

        def try_from(peer: str, password: str) -> int:
            with house.browser(peer=peer) as browser:
                return sign_in(browser, "ann", password)[0]

        assert [try_from(f"2001:db8:0:1:{n}::7", "wrong") for n in range(6)] == [403] * 5 + [429]
        assert try_from("2001:db8:0:1::1", PASSWORD) == 429
        assert try_from("2001:db8:0:2::1", PASSWORD) == 303
        assert [try_from(f"{'' if n % 2 else '::ffff:'}192.0.2.1", "wrong") for n in range(6)] == [403] * 5 + [429]
        assert try_from("192.0.2.2", PASSWORD) == 303


def test_over_tls_the_cookie_is_never_sent_without_it(seeded: Seeded, tmp_path: Path) -> None:
    with guarded(seeded, tmp_path, PROXIED) as house:
        house.add("ann", "desk")
        with house.browser(base_url="https://127.0.0.1") as browser:
            form = form_in(browser.get("/sign-in").text)
            answer = browser.post("/sign-in", data={"form": form, "name": "ann", "password": PASSWORD})
        [cookie] = answer.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-")
        assert "; Secure" in cookie
        assert "; Path=/;" in cookie


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"name=a&name=b", {}, 400),
        (b"&".join(b"n%d=1" % n for n in range(1000)), {}, 400),
        (b"name=" + b"x" * 10_000_000, {}, 413),
        (b"name=a", {"Content-Length": "99999999999999999999"}, 413),
        (b"name=%ff%00%ed%a0%80", {}, 403),
        (b"", {}, 403),
    ],
)
def test_odd_and_endless_forms_are_refused(house: Guarded, body: bytes, headers: dict[str, str], status: int) -> None:
    with house.browser() as browser:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert browser.post("/sign-in", content=body, headers=kind | headers).status_code == status


def test_ten_thousand_cookies_are_as_good_as_none(house: Guarded) -> None:
    ann = house.add("ann", "desk")
    with house.signed_in(ann) as browser:
        many = "; ".join(f"c{number}={number}" for number in range(10_000))
        assert browser.get("/", headers={"Cookie": many}).status_code == 303
        assert browser.get("/").status_code == 200


@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.rebound.example", "", "[::2]"])
def test_a_foreign_host_is_refused_whoever_asks(house: Guarded, host: str) -> None:
    ann = house.add("ann", "owner")
    with house.signed_in(ann) as browser:
        assert browser.get("/", headers={"Host": host}).status_code == 421
        assert browser.get("/sign-in", headers={"Host": host}).status_code == 421
