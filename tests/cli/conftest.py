"""An archive as a run would leave it, and the real program in a process of its own."""

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bot.__main__ import main
from storage.alerts import matches
from storage.archive.database import Archive, Writer
from storage.migrations import migrate
from storage.posts import saving
from storage.records import (
    Batch,
    Checked,
    Fetch,
    FetchedMedia,
    FetchedPost,
    Forward,
    Hit,
    LedgerChange,
    Link,
    MatchRow,
    Quarantined,
    Raw,
)
from storage.sources import states
from tests.desk import run_program

SECOND = 1_000_000
HOUR = 3_600 * SECOND
NOON = 1_762_000_000 * SECOND  # 2025-11-01T12:26:40Z
HOSTILE = "\x1b[2J\u202egnp\x9b31m[/b][link=http://evil]\r\u2028\U000e0041"
ROOT = Path(__file__).parents[2]
FETCH = Fetch("feed", "HTTP/1.1 200 OK", "https://desk.example/feed", (("server", "nginx"),), "0f" * 32)

Ran = subprocess.CompletedProcess[str]
Program = Callable[..., Ran]


def post(native_id: str, text: str, at: int | None = NOON, **more: object) -> FetchedPost:
    raw = Raw(f"<article>{native_id} {text}</article>".encode(errors="replace"), "text/html")
    return FetchedPost(native_id, raw, text, posted_at=at, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spokesman, a news desk with an edited and a deleted post, and a source where everything is hostile."""
    directory = tmp_path_factory.mktemp("collected") / "data"
    with Archive(directory / "communique.db") as archive:
        migrate.ensure(archive, now=NOON)
        with archive.writing() as writer:
            states.declare(
                writer,
                [
                    states.Declared("spokesman", "telegram_web", ("junta",), "junta"),
                    states.Declared("desk", "feed"),
                    states.Declared(f"evil{HOSTILE}", "replay"),
                    states.Declared("broken", "telegram_web"),
                ],
                NOON,
            )
        ids = _ids(archive)
        _spokesman(archive, ids["spokesman"])
        _desk(archive, ids["desk"])
        _evil(archive, ids[f"evil{HOSTILE}"])
        with archive.writing() as writer:
            for number in range(3):
                at = NOON + number * 60 * SECOND
                for name, outcome in (("spokesman", "ok"), ("desk", "ok"), ("broken", f"down{HOSTILE}")):
                    states.settle(
                        writer,
                        ids[name],
                        outcome=outcome,
                        detail=None if outcome == "ok" else f"HTTP 500 {HOSTILE}",
                        now=at,
                        next_poll_at=at + 60 * SECOND,
                        hold_until=None,
                        failures=0 if outcome == "ok" else number + 1,
                        posts=0,
                    )
    return directory


def _ids(archive: Archive) -> dict[str, int]:
    with archive.reading() as reader:
        return {source.name: source.id for source in states.list_sources(reader)}


def _spokesman(archive: Archive, source: int) -> None:
    first = (
        post(
            "1",
            "A commander spoke of the regional command.\nMore was not said.",
            number=1,
            url="https://t.me/example_channel/1",
            author="The Spokesman",
            links=(Link("said", "https://example.org/said"),),
            media=(FetchedMedia("voice", "v1", url="http://127.0.0.1/v1.oga", mime="audio/ogg", duration_s=8.5),),
            posted_raw="2025-11-01T12:26:40+00:00",
        ),
        post("2", "တိုင်းစစ်ဌာနချုပ်ကို တိုက်ခိုက်ခဲ့သည်။", NOON + HOUR, number=2, url="https://t.me/example_channel/2"),
        post(
            "3",
            "Forwarded words about the bridge.",
            NOON + 2 * HOUR,
            number=3,
            url="https://t.me/example_channel/3",
            forward=Forward("Valley Voice", "https://t.me/example_valley/9", "example_valley", "9"),
            reply_to="1",
        ),
    )
    with archive.writing() as writer:
        saved = saving.save(
            writer,
            source,
            Batch(first),
            now=NOON + 2 * HOUR + 1_500_000,
            method="page",
            alerts=True,
            change=LedgerChange(),
        )
        hit = Hit(saved.new[0] << 14, "body", 27, 43, "regional command")
        matches.save(
            writer,
            MatchRow(
                "command", "v1", saved.new[0], "d1", "match", NOON + 2 * HOUR, (hit,), alerting=True, why="new post"
            ),
            ["console"],
            NOON + 2 * HOUR,
        )


def _desk(archive: Archive, source: int) -> None:
    when = NOON + 3 * HOUR
    with archive.writing() as writer:
        told = (
            post(
                "guid/7",
                "The bridge at Lashio was lost.\nThe rest stands.",
                when,
                title="A bridge",
                url="http://example.org/7",
            ),
            post("8", "A claim that will go.", when + SECOND, url="http://example.org/8"),
            post("9", "No date here about a bridge.", None, posted_raw="last Tuesday"),
        )
        saved = saving.save(writer, source, Batch(told, fetch=FETCH), now=when, method="feed", alerts=True)
        gone = saved.new[[row.native_id for row in told].index("8")] if saved.new else 0
        gone = _of(writer, "8")
        absent = Checked("8", "absent", "embed", control=True)
        saving.save_check(writer, gone, absent, when + HOUR, apart=60 * SECOND)
        saving.save_check(writer, gone, absent, when + 2 * HOUR, apart=60 * SECOND)
        edited = post(
            "guid/7",
            "The bridge at Lashio was held.\nThe rest stands.",
            when,
            title="A bridge",
            url="http://example.org/7",
        )
        saving.save(writer, source, Batch((edited,), fetch=FETCH), now=when + HOUR, method="feed", alerts=True)


def _of(writer: Writer, native_id: str) -> int:
    return int(writer.value("SELECT id FROM posts WHERE native_id = :id", {"id": native_id}))


def _evil(archive: Archive, source: int) -> None:
    when = NOON + 5 * HOUR
    nasty = (
        post(
            "x1",
            f"hostile {HOSTILE} words",
            when,
            author=HOSTILE,
            title=HOSTILE,
            url=f"http://example.org/{HOSTILE}",
            forward=Forward(HOSTILE, HOSTILE),
            media=(FetchedMedia("document", "k", name=f"../../x{HOSTILE}", reason=HOSTILE),),
            links=(Link(HOSTILE, f"javascript:{HOSTILE}"),),
        ),
        post("x2", '=HYPERLINK("http://evil","hostile")', when + SECOND),
        post("x3", "o" + "\u0301" * 100_000 + " hostile", when + 2 * SECOND),
        post("x4", 'hostile "quoted", comma|bar\nnewline', when + 3 * SECOND, posted_raw=HOSTILE),
        post("x5", "hostile \ud800 surrogate and \x00 nul", when + 4 * SECOND),
    )
    with archive.writing() as writer:
        saving.save(
            writer,
            source,
            Batch(nasty, (Quarantined(Raw(b"?", "text/html"), HOSTILE),)),
            now=when + HOUR,
            method=f"replay{HOSTILE}",
            alerts=False,
        )


@pytest.fixture
def program(data_dir: Path, inside: Program) -> Program:
    """Run `communique --data-dir … ARGUMENTS` in this process."""

    def run(*arguments: str, stdin: str = "", config: Path | None = None, **variables: str) -> Ran:
        return inside(*_place(data_dir, config, variables), *arguments, stdin=stdin, **variables)

    return run


@pytest.fixture
def process(data_dir: Path, tmp_path: Path) -> Program:
    """Run `communique --data-dir … ARGUMENTS` in a process of its own, away from any config of this machine."""

    def run(*arguments: str, stdin: str = "", config: Path | None = None, **variables: str) -> Ran:
        words = (*_place(data_dir, config, variables), *arguments)
        return run_program(*words, cwd=tmp_path, env=environment(tmp_path, variables), stdin=stdin)

    return run


def _place(data_dir: Path, config: Path | None, variables: dict[str, str]) -> tuple[str, ...]:
    configured = ("--config", str(config)) if config else ()
    return configured if "COMMUNIQUE_DATA_DIR" in variables else (*configured, "--data-dir", str(data_dir))


def environment(home: Path, variables: dict[str, str]) -> dict[str, str]:
    """A clean environment, in which the checkout can be imported from anywhere."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **variables}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Archive]:
    """An archive of this test's own, with one source and no posts."""
    with Archive(tmp_path / "own" / "communique.db") as archive:
        migrate.ensure(archive, now=NOON)
        with archive.writing() as writer:
            states.declare(writer, [states.Declared("spokesman", "replay")], NOON)
        yield archive


@pytest.fixture
def follower(data_dir: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `communique --data-dir … ARGUMENTS` and leave it running; the test's end kills what is left."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, directory: Path = data_dir) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "bot", "--data-dir", str(directory), *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                cwd=tmp_path,
                env=environment(tmp_path, {}),
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def on_a_terminal(data_dir: Path, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run the program on a terminal of its own: its exit code, and everything that the terminal was sent."""

    def run(*arguments: str, **variables: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-m", "bot", "--data-dir", str(data_dir), *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=tmp_path,
            env=environment(
                tmp_path, {"TERM": "xterm", "COLUMNS": "100", "PAGER": "cat", "PYTHONWARNINGS": "default", **variables}
            ),
        ) as process:
            os.close(theirs)
            sent = b""
            with suppress(OSError):  # Linux reports the end of a terminal as an error
                while piece := os.read(ours, 65_536):
                    sent += piece
            os.close(ours)
        return process.returncode, sent.decode()

    return run


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Run `communique ARGUMENTS` in this process, in an empty home: quicker, where imports do not matter."""

    def run(*arguments: str, stdin: str = "", **variables: str) -> Ran:
        with monkeypatch.context() as patch:
            for name in os.environ:
                patch.delenv(name)
            for name, value in environment(tmp_path, variables).items():
                patch.setenv(name, value)
            patch.chdir(tmp_path)
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        code = ended.value.code
        return subprocess.CompletedProcess(arguments, code if isinstance(code, int) else 0, *capsys.readouterr())

    return run
