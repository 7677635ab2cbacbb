"""`make setup-pds`: Bluesky's own server of accounts (npm: @atproto/pds), and that server as a peer on loopback.

It is kept in the user's cache directory, outside the checkout: fetching it takes minutes and 230 MB.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.sources.plc_directory import PlcDirectory

VERSION = "0.4.217"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PLACE = _CACHE / "communique-tests" / f"atproto-pds-{VERSION}"
POST, REPOST = "app.bsky.feed.post", "app.bsky.feed.repost"
_START = """
const { PDS, envToCfg, envToSecrets, readEnv } = require(process.argv[1] + '/node_modules/@atproto/pds')
PDS.create(envToCfg(readEnv()), envToSecrets(readEnv())).then((pds) => pds.start()).then(() => console.log('ready'))
process.stdin.on('end', () => process.exit(0)).resume()
"""
_ADMIN = "admin"
_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"


def why_missing() -> str | None:
    """Why there is no such server here; None where there is one."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "no Bluesky server to test with: npm is missing"
    return None if PLACE.is_dir() else "no Bluesky server to test with: make setup-pds brings it"


def install() -> None:
    """Fetch the server with npm. Raises OSError or CalledProcessError where it cannot be had."""
    part = PLACE.with_name(f"{PLACE.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    options = ("--no-audit", "--no-fund", "--no-save", "--omit=dev", "--loglevel=error")
    command = ["npm", "install", *options, "--prefix", str(part), f"@atproto/pds@{VERSION}"]
    subprocess.run(command, check=True, capture_output=True, text=True, cwd=part)
    part.rename(PLACE)


def key_at(at: int) -> str:
    """The key of a record that was made then, in microseconds UTC (https://atproto.com/specs/tid)."""
    number = at << 10
    return "".join(_LETTERS[number >> shift & 31] for shift in range(60, -1, -5))


@dataclass
class PdsAccount:
    """An account there, signed in."""

    server: "RealPds"
    did: str
    handle: str
    token: str

    def call(self, name: str, **body: Any) -> Any:
        return self.server.call(name, body, token=self.token)

    def create(self, record: dict[str, Any], key: str | None = None) -> str:
        """Publish a record, also one with a time that the lexicon forbids; its key."""
        kind = record["$type"]
        named = {} if key is None else {"rkey": key}
        made = self.call(
            "com.atproto.repo.createRecord", repo=self.did, collection=kind, record=record, validate=False, **named
        )
        return str(made["uri"]).rpartition("/")[2]

    def put(self, record: dict[str, Any], key: str) -> str:
        """Put another record under a key; its cid."""
        kind = record["$type"]
        return str(
            self.call(
                "com.atproto.repo.putRecord", repo=self.did, collection=kind, rkey=key, record=record, validate=False
            )["cid"]
        )

    def delete(self, key: str, kind: str = POST) -> None:
        self.call("com.atproto.repo.deleteRecord", repo=self.did, collection=kind, rkey=key)

    def upload(self, data: bytes, mime: str) -> dict[str, Any]:
        """Upload a file; the blob that a record may embed."""
        found = self.server.http.post(
            f"{self.server.url}/xrpc/com.atproto.repo.uploadBlob",
            content=data,
            headers={"content-type": mime, "authorization": f"Bearer {self.token}"},
        )
        found.raise_for_status()
        return dict(found.json()["blob"])

    def records(self, kind: str) -> Iterator[dict[str, Any]]:
        """All records of a kind, newest first."""
        cursor: dict[str, str] = {}
        while True:
            page = self.server.get(
                "com.atproto.repo.listRecords", repo=self.did, collection=kind, limit="100", **cursor
            )
            yield from page.get("records", ())
            if "cursor" not in page:
                return
            cursor = {"cursor": page["cursor"]}


@dataclass
class RealPds:
    """The running server. Give `post` and `get` the name of a method."""

    url: str
    directory: PlcDirectory
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, timeout=60))
    _accounts: int = 0

    def sign_up(self, name: str) -> PdsAccount:
        """A new account, called NAME-NUMBER.test."""
        self._accounts += 1
        handle = f"{name}-{self._accounts}.test"
        made = self.call(
            "com.atproto.server.createAccount",
            {"handle": handle, "email": f"{handle}@town.test", "password": "secret-of-a-test"},
        )
        return PdsAccount(self, made["did"], handle, made["accessJwt"])

    def call(self, name: str, body: dict[str, Any], token: str = "") -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        reply = self.http.post(f"{self.url}/xrpc/{name}", json=body or None, headers=headers)
        assert reply.is_success, f"{name}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None

    def act_as_admin(self, name: str, **body: Any) -> None:
        reply = self.http.post(f"{self.url}/xrpc/{name}", json=body, auth=("admin", _ADMIN))
        assert reply.is_success, f"{name}: {reply.status_code} {reply.text}"

    def get(self, name: str, **query: str) -> Any:
        """An answer, or the error where it refuses."""
        return self.http.get(f"{self.url}/xrpc/{name}", params=query).json()


@contextmanager
def running(place: Path) -> Iterator[RealPds]:
    """A server with its data in this directory, and a directory of accounts; both end with the block."""
    with PlcDirectory.running() as directory:
        (place / "blobs").mkdir(parents=True)
        port = _free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            "LOG_ENABLED": "false",
            "PDS_ADMIN_PASSWORD": _ADMIN,
            "PDS_BLOBSTORE_DISK_LOCATION": str(place / "blobs"),
            "PDS_DATA_DIRECTORY": str(place),
            "PDS_DEV_MODE": "true",
            "PDS_DID_PLC_URL": directory.url,
            "PDS_DISABLE_SSRF_PROTECTION": "true",
            "PDS_DPOP_SECRET": f"{7:064x}",
            "PDS_HOSTNAME": "localhost",
            "PDS_INVITE_REQUIRED": "false",
            "PDS_JWT_SECRET": "secret-of-a-test",
            "PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX": f"{1:064x}",
            "PDS_PORT": str(port),
        }
        process = subprocess.Popen(
            ["node", "-e", _START, str(PLACE)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", "the server did not start"
            server = RealPds(f"http://localhost:{port}", directory)
            with server.http:
                yield server
        finally:
            process.kill()
            process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    if PLACE.is_dir():
        return
    try:
        if shutil.which("npm") is None:
            raise OSError("npm is missing")  # noqa: TRY301 - one sentence for all reasons
        print("fetching Bluesky's server of accounts with npm (once, some minutes)", file=sys.stderr)
        install()
    except subprocess.CalledProcessError as problem:
        said = [line for line in problem.stderr.splitlines() if line.strip()] or [str(problem)]
        print(f"left out: Bluesky's server of accounts: {said[0]}", file=sys.stderr)
    except OSError as problem:
        print(f"left out: Bluesky's server of accounts: {problem}", file=sys.stderr)


if __name__ == "__main__":
    main()
