"""A directory of accounts as https://web.plc.directory/spec/v0.1/did-plc documents it; signatures are not checked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


@dataclass
class PlcDirectory:
    """The operations of every account, the newest last. It runs in a thread, for servers ask it while a test waits."""

    url: str = ""
    operations: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["PlcDirectory"]:
        directory = cls()

        class Answering(_Answering):
            of = directory

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        directory.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield directory
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def change(self, did: str, **fields: Any) -> None:
        """A newer operation: what is named is so from now on."""
        self.operations[did].append(self.operations[did][-1] | fields)

    def move(self, did: str, endpoint: str) -> None:
        """The account has another server from now on."""
        self.change(did, services={"atproto_pds": {"type": "AtprotoPersonalDataServer", "endpoint": endpoint}})

    def document(self, did: str) -> dict[str, Any]:
        last = self.operations[did][-1]
        key = last["verificationMethods"]["atproto"].removeprefix("did:key:")
        service = last["services"]["atproto_pds"]
        return {
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
            "id": did,
            "alsoKnownAs": last["alsoKnownAs"],
            "verificationMethod": [
                {"id": f"{did}#atproto", "type": "Multikey", "controller": did, "publicKeyMultibase": key}
            ],
            "service": [{"id": "#atproto_pds", "type": service["type"], "serviceEndpoint": service["endpoint"]}],
        }

    def show(self, did: str, what: str) -> tuple[int, object]:
        """The status and the answer to a GET of /did/what."""
        if did not in self.operations:
            return 404, {"message": f"DID not registered: {did}"}
        last = self.operations[did][-1]
        if last.get("type") == "plc_tombstone":
            return 410, {"message": f"DID not available: {did}"}
        if what == "log/last":
            return 200, last
        if what == "data":
            names = ("verificationMethods", "rotationKeys", "alsoKnownAs", "services")
            return 200, {"did": did, **{name: last[name] for name in names}}
        return 200, self.document(did)


class _Answering(BaseHTTPRequestHandler):
    of: PlcDirectory

    def do_GET(self) -> None:
        did, _, what = self.path[1:].partition("/")
        self._say(*self.of.show(unquote(did), what))

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.of.operations.setdefault(unquote(self.path[1:]), []).append(said)
        self._say(200, {})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is given
        """Say nothing."""

    def _say(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
