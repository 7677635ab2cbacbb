"""The whole line as a user runs it: a webhook that counts, and the real program in a process of its own."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Self

import pytest

from storage.archive.database import Archive
from tests import warm_start


@dataclass
class Sink:
    """A webhook receiver that remembers every request, and answers with `status`."""

    url: str = ""
    status: int = 204
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)

    def ids(self) -> set[str]:
        return {message_id for message_id, _ in self.received}

    def documents(self, *kinds: str) -> list[dict[str, Any]]:
        """The data of what came, in order: of messages of these types ("match", "health", …), or of all."""
        return [message["data"] for _, message in self.received if not kinds or message["type"] in kinds]

    def health(self) -> list[str]:
        return [data["text"] for data in self.documents("health")]

    def count_unmarked_copies(self) -> int:
        """Alerts that came again and do not say "possible repeat"."""
        seen: set[str] = set()
        found = 0
        for message_id, body in self.received:
            found += message_id in seen and not body["data"]["possible_repeat"]
            seen.add(message_id)
        return found


@contextmanager
def listening() -> Iterator[Sink]:
    counting = Sink()

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:  # its sender was killed
                raise ConnectionAbortedError
            if counting.status < 300:
                counting.received.append((self.headers["webhook-id"], json.loads(body)))
                counting.heard.set()
            self.send_response(counting.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server calls it by
            """Say nothing: stderr belongs to the test's own report."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A sender that is killed is no news."""
            if not isinstance(sys.exception(), ConnectionError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Receiver)
    counting.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield counting
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def plain_environment() -> dict[str, str]:
    """What a program needs of the environment, and nothing else of this machine."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def run_program(
    *words: str | Path, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = "", within_s: float = 120
) -> "subprocess.CompletedProcess[str]":
    """Run `communique WORDS` in a process of its own to its end; whatever the test does, the process ends."""
    placed = [str(word) for word in words]
    with TemporaryFile() as typed, TemporaryFile() as out, TemporaryFile() as err:
        typed.write(stdin.encode())
        typed.seek(0)
        ran = start_program(placed, cwd, plain_environment() if env is None else env, typed, out, err)
        try:
            ran.wait(within_s)
        except BaseException:
            ran.kill()
            ran.wait()
            raise
        return subprocess.CompletedProcess(placed, ran.returncode or 0, _read(out), _read(err))


def start_program(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: IO[bytes], stdout: IO[bytes], stderr: IO[bytes]
) -> "Process":
    started = warm_start.start(
        words, cwd=cwd, env=env, stdin=stdin.fileno(), stdout=stdout.fileno(), stderr=stderr.fileno()
    )
    command = [sys.executable, "-m", "bot", *words]
    return started or subprocess.Popen(command, cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr, env=env)


Until = Callable[[Callable[[], object], str], None]
Process = warm_start.Started | subprocess.Popen[bytes]


@dataclass
class Desk:
    """A directory with a config, and the program run in it: `with Desk(tmp_path) as desk`."""

    directory: Path
    extra: dict[str, str] = field(default_factory=dict)
    started: list[Process] = field(default_factory=list)

    def write(self, config: str) -> None:
        (self.directory / "config.toml").write_text(config, encoding="utf-8")

    @property
    def database(self) -> Path:
        return self.directory / "data" / "communique.db"

    @property
    def archive(self) -> Archive:
        return Archive(self.database)

    def ask(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """A look into the archive."""
        with self.archive as archive, archive.reading() as reader:
            return [tuple(row) for row in reader.execute(statement, values)]

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "bot", "--data-dir", str(self.directory / "data"), *words]

    def run(
        self, *words: str, code: int | None = 0, stdin: str | None = None, within_s: float = 120
    ) -> "subprocess.CompletedProcess[str]":
        _, _, _, *placed = self.command(*words)
        done = run_program(
            *placed, cwd=self.directory, env=self.environment(), stdin=stdin or "", within_s=within_s
        )  # fmt: skip
        if code is not None:
            assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *words: str) -> Process:
        """Start the program and leave it running, until `stop`, `kill`, or the end of the test."""
        out, err = self.directory / "out.txt", self.directory / "err.txt"
        _, _, _, *placed = self.command(*words)
        with Path(os.devnull).open("rb") as nothing, out.open("ab") as printed, err.open("ab") as said:
            started = start_program(placed, self.directory, self.environment(), nothing, printed, said)
        self.started.append(started)
        return self.started[-1]

    def stop(self) -> None:
        """End the newest daemon as systemd does, in order."""
        daemon = self.started.pop()
        daemon.terminate()
        assert daemon.wait(120) == 0, self.said()

    def kill(self) -> None:
        """End the newest daemon by kill -9."""
        daemon = self.started.pop()
        daemon.kill()
        daemon.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing that was started outlives the desk."""
        while self.started:
            self.kill()

    def environment(self) -> dict[str, str]:
        return plain_environment() | {"PYTHONUNBUFFERED": "1"} | self.extra

    def said(self) -> str:
        """Everything that the started programs have said on stderr so far."""
        path = self.directory / "err.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def printed(self) -> str:
        path = self.directory / "out.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""


def wait_until(condition: Callable[[], object], awaited: str) -> None:
    """Wait for what another process or thread brings about, at most three minutes; `awaited` is said if it does not come."""
    pause = threading.Event()
    for _ in range(3_600):
        if condition():
            return
        pause.wait(0.05)
    pytest.fail(f"waited three minutes for {awaited}")


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
