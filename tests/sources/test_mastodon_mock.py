"""Mastodon as others have built it: mastodon_mock (https://pypi.org/project/mastodon_mock), in an environment of its own."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import sources
from bot.clock import Clock
from bot.contracts.source import SourceTools, Want
from bot.errors import Later
from bot.http import Http, HttpRules
from tests.sources.rounds import Rounds

pytestmark = pytest.mark.long
PLACE = Path(__file__).parents[2] / ".venv" / "mastodon_mock"


def installed() -> Path:
    """The program; it is installed once, beside the packages of the tests, for it needs other ones."""
    program = PLACE / "bin" / "mastodon_mock"
    if not program.exists():
        pip = [
            str(PLACE / "bin" / "python"),
            "-m",
            "pip",
            "--disable-pip-version-check",
            "-q",
            "install",
            "mastodon_mock",
        ]
        for command in ([sys.executable, "-m", "venv", str(PLACE)], pip):
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
            if done.returncode:
                pytest.skip(f"left out: mastodon_mock cannot be installed: {done.stderr.strip()[-200:]}")
    return program


class Mock:
    """One server; `say`, `edit` and `delete` are done with the token of its first account."""

    def __init__(self, port: int) -> None:
        self.port, self.url = port, f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, **fields: object) -> Any:
        headers = {"Authorization": "Bearer mock_token", "Content-Type": "application/json"}
        body = json.dumps(fields).encode() if fields else None
        request = urllib.request.Request(f"{self.url}{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)

    def say(self, words: str, **fields: object) -> str:
        return str(self.ask("POST", "/api/v1/statuses", status=words, **fields)["id"])

    def fail(self, **effect: object) -> None:
        where = {"path": "/api/v1/accounts/*/statuses"}
        self.ask("POST", "/api/v1/_mock/faults", match=where, effect=effect, count=1)

    def read(self, work: Any) -> Any:
        async def go() -> Any:
            rules = HttpRules(user_agent="communique-tests", private=frozenset({("127.0.0.1", self.port)}))
            clock = Clock()
            tools = SourceTools(Http(rules, clock), clock, Path("/"))
            entry = {"name": "it", "kind": "mastodon", "account": f"{self.url}/@testuser", "backfill": "all"}
            try:
                source = sources.build(sources.settings_of("mastodon").model_validate(entry), tools)
                return await work(Rounds(source))
            finally:
                await tools.aclose()

        return asyncio.run(go())


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mock]:
    program = installed()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [program, "serve", "--in-memory", "--host", "127.0.0.1", "--port", str(port)],
        cwd=tmp_path_factory.mktemp("mock"),
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found = Mock(port)
    deadline = time.monotonic() + 120
    try:
        while True:
            try:
                found.ask("GET", "/api/v1/instance")
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, "mastodon_mock ended"
                assert time.monotonic() < deadline, "mastodon_mock did not answer"
                time.sleep(0.1)
        yield found
    finally:
        process.terminate()
        process.wait()


def test_a_server_of_others_is_read_page_by_page_with_edits_boosts_and_deletions(mock: Mock) -> None:
    for number in range(95):
        mock.say(f"Notice {number} of the ferry office")
    edited = mock.say("The ferry sails at eight.", spoiler_text="Sailings")
    gone = mock.say("The ferry does not sail.")

    async def work(rounds: Rounds) -> tuple[Any, ...]:
        first = await rounds.round()
        second = await rounds.round()
        mock.ask("PUT", f"/api/v1/statuses/{edited}", status="The ferry sails at nine.", spoiler_text="Sailings")
        mock.ask("POST", f"/api/v1/statuses/{edited}/reblog", visibility="public")
        mock.ask("DELETE", f"/api/v1/statuses/{gone}")
        for number in range(50):
            mock.say(f"Later notice {number}")
        third = await rounds.round()
        return first, second, third, await rounds.source.check(gone), await rounds.source.check(edited)

    first, second, third, absent, present = mock.read(work)
    assert len(first) == 97
    assert {post.native_id for post in second} <= {post.native_id for post in first}
    texts = [post.text for post in third]
    assert {f"Later notice {number}" for number in range(50)} == {text for text in texts if text.startswith("Later")}
    assert "The ferry sails at nine." in [*texts, present.post.text]
    assert (absent.presence, absent.control) == ("absent", True)
    assert (present.post.title, present.post.edited) == ("Sailings", True)
    boost = next(post for post in third if post.forward is not None)
    assert boost.forward.source == f"@testuser@localhost:{mock.port}"  # its own word for itself


@pytest.mark.parametrize("effect", [{"type": "status", "status": 503}, {"type": "malformed"}, {"type": "ratelimit"}])
def test_its_faults_are_failures_that_pass(mock: Mock, effect: dict[str, object]) -> None:
    mock.say("A notice in bad weather")

    async def work(rounds: Rounds) -> int:
        await rounds.round()
        mock.fail(**effect)
        with pytest.raises(Later):
            await rounds.source.fetch(Want(), rounds.cursor)
        return len(await rounds.round())

    assert mock.read(work) > 0
