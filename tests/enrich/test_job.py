"""One job in its child process: whatever a program does there costs that job and nothing else."""

import asyncio
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.enrich import build
from bot.enrich._contract import EnrichResult, Later, Never, Surroundings, Unfit
from bot.enrich._run import Failed, Workshop
from bot.enrich.program import Settings
from bot.http import HttpRules
from bot.world.files import ogg, png

Run = Callable[..., EnrichResult]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    """Put a program on disk; its path."""

    def made(body: str) -> str:
        path = tmp_path / "program.py"
        path.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return made


@pytest.fixture
def run(tmp_path: Path, write: Callable[[str], str], media: Callable[..., Any]) -> Run:
    """Have a program read a file: `run("print('words')")`."""

    def ran(body: str, *, data: bytes | None = None, kind: str = "voice", **keys: Any) -> EnrichResult:
        path = tmp_path / "file"
        path.write_bytes(ogg(2) if data is None else data)
        fields = {name: keys.pop(name) for name in ("duration_s", "mime") if name in keys}
        settings = Settings.model_validate(
            {"name": "own", "kind": "program", "program": [write(body), "{file}"], "timeout": "30s"} | keys
        )
        engine = build(settings, Surroundings(tmp_path))
        try:
            return asyncio.run(Workshop(tmp_path, HttpRules("test")).run(engine, media(path, kind, **fields)))
        finally:
            assert not list((tmp_path / "work").iterdir()), "a job leaves nothing behind"

    return ran


def test_a_program_says_what_it_heard(run: Run) -> None:
    assert run("print('The  command fell.\\n')") == EnrichResult(
        "The  command fell.", None, None, "own", run("import sys; print(sys.argv[0])").text
    )


def test_a_program_may_say_how_sure_it_is_and_when_it_was_said(run: Run) -> None:
    told = (
        "import json; print(json.dumps({'text': 'one two', 'language': 'my', 'confidence': 7, 'unreliable': True,"
        "'segments': [{'start_s': 0, 'end_s': 1, 'text': 'one'}, {'start_s': 1, 'end_s': 2, 'text': 'two'}]}))"
    )
    result = run(told)
    assert (result.language, result.confidence, result.unreliable) == ("my", 1.0, True)
    assert [result.text[piece.start : piece.end] for piece in result.segments] == ["one", "two"]


def test_a_job_reaches_no_address(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reached = threading.Event()

        def accept() -> None:
            server.settimeout(30)
            try:
                server.accept()[0].close()
                reached.set()
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        port = server.getsockname()[1]
        body = (
            f"import socket\ntry:\n  socket.create_connection(('127.0.0.1', {port}), 5); print('reached')\n"
            "except OSError: print('no way out')"
        )
        said = run(body).text
        if said == "reached":
            thread.join()
            pytest.skip("this system lets nobody make a network namespace")
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join()
    assert said == "no way out"


def test_a_job_is_told_nothing_of_ours(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNIQUE_CANARY", "s3cret")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert "s3cret" not in run("import os; print(dict(os.environ))").text
    assert "PROXY" not in run("import os; print(dict(os.environ))").text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("import os; os.kill(os.getppid(), 9)", "ended with -9"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("x = b'x' * (3 << 30); print(len(x))", "exit code 1"),
        ("open('big', 'wb').write(b'0' * (300 << 20))", "exit code 1"),
        (
            "for i in range(100): open(f'f{i}', 'wb').write(b'0' * (20 << 20))\nimport time; time.sleep(60)",
            "wrote more than",
        ),
        ("import sys\nwhile True: sys.stderr.write('x' * 100_000)", "printed more than"),
        ("print('y' * (5 << 20))", "prints more than"),
    ],
)
def test_bad_input_50_a_program_that_crashes_writes_or_prints_without_end_is_ended(
    run: Run, body: str, why: str
) -> None:
    with pytest.raises(Failed, match=why):
        run(body)


def test_bad_input_50_a_program_that_hangs_is_ended_with_all_that_it_started(run: Run, tmp_path: Path) -> None:
    body = (
        "import os, time\nfor _ in range(5):\n  if os.fork() == 0:\n    os.setsid(); time.sleep(100)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(os.environ['HOME'])\ntime.sleep(100)"
    )
    with pytest.raises(Failed, match="did not end within 2 s"):
        run(body, timeout="2s")
    home = (tmp_path / "pid").read_text()
    assert home
    left = []
    for process in Path("/proc").glob("[0-9]*/environ"):
        try:
            left += [process] if home.encode() in process.read_bytes() else []
        except OSError:
            continue
    assert left == []


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXTINF:1\nhttp://127.0.0.1/x\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        b"<html>not found</html>",
        b"",
        b"PK\x03\x04zip",
    ],
)
def test_bad_input_47_a_playlist_called_voice_ogg_is_opened_by_no_decoder(run: Run, data: bytes) -> None:
    with pytest.raises(Unfit):
        run("print('opened')", data=data)


def test_bad_input_48_a_recording_of_ten_hours_or_of_none_is_not_read(run: Run) -> None:
    with pytest.raises(Unfit, match="too long"):
        run("print('read')", duration_s=36_000.0)
    long = bytearray(ogg(2))
    last = long.rindex(b"OggS")
    long[last + 6 : last + 14] = (36_000 * 48_000).to_bytes(8, "little")
    with pytest.raises(Unfit, match="too long"):
        run("print('read')", data=bytes(long))
    long[last + 6 : last + 14] = bytes(8)
    with pytest.raises(Unfit, match="0 s"):
        run("print('read')", data=bytes(long))


def resized(width: int, height: int) -> bytes:
    picture = bytearray(png("x"))
    picture[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return bytes(picture)


@pytest.mark.parametrize("size", [(60_000, 60_000), (13_000, 13_000), (0, 10), (1 << 31, 1)])
def test_bad_input_44_a_picture_bomb_is_refused_by_its_header(run: Run, size: tuple[int, int]) -> None:
    with pytest.raises(Unfit, match="pixels"):
        run("print('read')", data=resized(*size), kind="photo", makes="ocr")


def test_bad_input_46_a_drawing_or_page_called_a_picture_is_not_rendered(run: Run) -> None:
    for data in (b"<svg><script>1</script></svg>", b"<html>", b"\x89PNG\r\n\x1a\nbroken"):
        with pytest.raises(Unfit):
            run("print('read')", data=data, kind="photo", makes="ocr")


def test_bad_input_51_what_a_machine_says_is_fit_to_be_stored(run: Run) -> None:
    assert run("print('a\\x00b')").text == "a\ufffdb"
    assert run("import sys; sys.stdout.buffer.write(b'\\xff\\xfe ok')").text.endswith(" ok")
    nonsense = '{"text": "x", "confidence": NaN, "language": 7, "segments": [{"start_s": "soon"}]}'
    assert run(f"print('''{nonsense}''')").text


def test_a_job_that_is_cancelled_ends_its_process(tmp_path: Path, write: Callable[[str], str], media: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(ogg(2))
    body = f"import time\nopen({str(tmp_path / 'begun')!r}, 'w').close()\ntime.sleep(100)"
    settings = Settings(name="own", kind="program", program=(write(body),))

    async def live() -> None:
        workshop = Workshop(tmp_path, HttpRules("test"))
        task = asyncio.create_task(workshop.run(build(settings, Surroundings(tmp_path)), media(path)))
        async with asyncio.timeout(30):
            while not (tmp_path / "begun").exists():  # noqa: ASYNC110  another process makes it
                await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(live())
    assert not list((tmp_path / "work").iterdir())


def test_trouble_of_the_engine_and_of_the_file_are_told_apart(tmp_path: Path, media: Any) -> None:
    assert issubclass(Unfit, Never)
    assert not issubclass(Failed, Later | Never)
    engine = build(Settings(name="own", kind="program", program=("/nowhere/at/all",)), Surroundings(tmp_path))
    with pytest.raises(Never, match="not here"):
        engine.ready()
