"""One job in its child process: whatever a program does there costs that job and nothing else."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.contracts.engine import Bounds, Engine, EngineTools, EnrichResult, Later, MediaFile, Never, Unfinished, Unfit
from bot.enrich.engines import build
from bot.enrich.engines.program import Settings
from bot.enrich.sandbox.run import Failed, Sandbox, isolation_here
from bot.http import HttpRules
from bot.world.files import ogg, png

Run = Callable[..., EnrichResult]


class Hurried:
    """An engine whose jobs have this long on the clock and no longer."""

    def __init__(self, engine: Engine, clock_s: float) -> None:
        self._engine, self._clock_s = engine, clock_s
        self.settings, self.remote, self.makes, self.reads = engine.settings, engine.remote, engine.makes, engine.reads
        self.ready, self.read = engine.ready, engine.read

    def bounds(self, media: MediaFile) -> Bounds:
        bounds = self._engine.bounds(media)
        return replace(bounds, waits_s=self._clock_s - bounds.clock_s)


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

    def ran(
        body: str, *, data: bytes | None = None, kind: str = "voice", clock_s: float | None = None, **keys: Any
    ) -> EnrichResult:
        path = tmp_path / "file"
        path.write_bytes(ogg(2) if data is None else data)
        fields = {name: keys.pop(name) for name in ("duration_s", "mime") if name in keys}
        settings = Settings.model_validate(
            {"name": "own", "kind": "program", "program": [write(body), "{file}"], "timeout": "30s"} | keys
        )
        engine = build(settings, EngineTools(tmp_path))
        if clock_s is not None:
            engine = Hurried(engine, clock_s)
        try:
            return asyncio.run(Sandbox(tmp_path, HttpRules("test")).run(engine, media(path, kind, **fields)))
        finally:
            assert not list((tmp_path / "work").iterdir()), "a job leaves nothing behind"

    return ran


def test_a_program_says_what_it_heard(run: Run) -> None:
    assert run("print('The  command fell.\\n')") == EnrichResult(
        "The  command fell.", None, None, "own", run("import sys; print(sys.argv[0])").text
    )


def test_a_program_may_say_how_sure_it_is_and_when_it_was_said(run: Run) -> None:
    printed = (
        "import json; print(json.dumps({'text': 'one two', 'language': 'my', 'confidence': 7, 'unreliable': True,"
        "'segments': [{'start_s': 0, 'end_s': 1, 'text': 'one'}, {'start_s': 1, 'end_s': 2, 'text': 'two'}]}))"
    )
    result = run(printed)
    assert (result.language, result.confidence, result.unreliable) == ("my", 1.0, True)
    assert [result.text[piece.start : piece.end] for piece in result.segments] == ["one", "two"]


def test_a_job_reaches_no_address(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reached = threading.Event()

        def accept() -> None:
            server.settimeout(60)
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
        if said == "reached" and not isolation_here().network:
            thread.join()
            pytest.skip("this system has neither namespaces nor seccomp")
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join()
    assert said == "no way out"


def test_a_job_sees_nothing_of_our_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMUNIQUE_CANARY", "s3cret")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert "s3cret" not in run("import os; print(dict(os.environ))").text
    assert "PROXY" not in run("import os; print(dict(os.environ))").text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("import os; os.kill(os.getppid(), 9)", "ended with -9"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "exit code -11"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("x = b'x' * (3 << 30); print(len(x))", "exit code 1"),
        ("open('big', 'wb').write(b'0' * (300 << 20))", "exit code 1"),
        (
            "for i in range(100): open(f'f{i}', 'wb').write(b'0' * (20 << 20))\nimport time; time.sleep(60)",
            "wrote more than",
        ),
        ("import sys\nwhile True: sys.stderr.write('x' * 100_000)", "printed more than"),
        ("print('y' * (5 << 20))", "printed more than"),
    ],
)
def test_bad_input_50_a_program_that_crashes_writes_or_prints_without_end_is_ended(
    run: Run, body: str, why: str
) -> None:
    with pytest.raises(Failed, match=why):
        run(body)


@pytest.mark.parametrize("waits", ["time.sleep(100)", "os.kill(os.getpid(), signal.SIGSTOP)"])
def test_bad_input_50_a_program_that_hangs_is_ended_with_all_that_it_started_and_nothing_is_said_of_its_file(
    run: Run, tmp_path: Path, waits: str
) -> None:
    started = "for _ in range(5):\n  if os.fork() == 0:\n    os.setsid(); time.sleep(100)\n"
    with pytest.raises(Unfinished, match=r"not finished after 3 s, in which it had [0-2] s of processor time"):
        run(f"import os, signal, time\n{started}{waits}", clock_s=3)
    assert living(tmp_path) == []


SPINS = "  while True: pass\n"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("while True: pass", id="one"),
        pytest.param(f"import os\nfor _ in range(5):\n if os.fork() == 0:\n{SPINS}os.wait()", id="five at once"),
        pytest.param(
            "import os\nwhile True:\n if os.fork() == 0:\n  for _ in range(10_000_000): pass\n  os._exit(0)\n os.wait()",
            id="one after the other",
        ),
        pytest.param(
            f"import threading\ndef spin():\n{SPINS}for _ in range(4): threading.Thread(target=spin).start()",
            id="threads",
            marks=pytest.mark.long,
        ),
    ],
)
def test_bad_input_50_what_computes_without_end_is_ended_by_the_processor_time_of_all_its_processes(
    run: Run, tmp_path: Path, body: str
) -> None:
    with pytest.raises(Failed, match="exceeded its processor time"):
        run(body, timeout="2s")
    assert living(tmp_path) == []


def test_a_job_that_gets_little_of_the_processor_has_all_the_time_that_it_needs(run: Run) -> None:
    """Stopped again and again, it takes three seconds of the clock for each of the processor."""
    body = (
        "import os, signal, time\npid = os.getpid()\nif os.fork() == 0:\n  for _ in range(30):\n"
        "    os.kill(pid, signal.SIGSTOP); time.sleep(0.1); os.kill(pid, signal.SIGCONT); time.sleep(0.05)\n  os._exit(0)\n"
        "while time.process_time() < 1: pass\nprint('read')"
    )
    assert run(body, timeout="5s").text == "read"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            # One after the other: as root nothing of the kernel holds a bomb that doubles, and the machine is not ours.
            "import os, time\nwhile True:\n  time.sleep(0.002)\n  try: os.fork() or time.sleep(60)\n  except OSError: pass",
            "more than 64 processes",
        ),
        (
            "import os, time\nfor _ in range(6):\n  if os.fork() == 0: x = b'x' * (200 << 20); time.sleep(60)\nos.wait()",
            "processes used more than 512 MB of memory",
        ),
    ],
    ids=["processes", "memory"],
)
def test_bad_input_50_a_bomb_that_is_many_small_ones_is_one(run: Run, body: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(Failed, match=why):
        run(body, memory="512MB")
    assert living(tmp_path) == []


def test_bad_input_50_a_program_writes_nowhere_but_in_its_own_folder(run: Run, tmp_path: Path) -> None:
    if not isolation_here().files:
        pytest.skip("this system has no Landlock")
    treasure = tmp_path / "treasure"
    treasure.write_text("do not touch")
    attempts = (
        f"open({str(treasure)!r}, 'w')",
        f"open({str(tmp_path / 'new')!r}, 'w')",
        f"os.unlink({str(treasure)!r})",
        f"os.rename({str(treasure)!r}, 'mine')",
        f"os.truncate({str(treasure)!r}, 0)",
        f"os.symlink('x', {str(tmp_path / 'link')!r})",
        f"open('/dev/shm/{tmp_path.name}', 'w')",
        "open('mine', 'w') and open('/dev/null', 'w') and None",
    )
    body = f"import os\nfor one in {attempts!r}:\n  try: eval(one); print('done')\n  except OSError: print('refused')"
    assert run(body).text.split() == ["refused"] * (len(attempts) - 1) + ["done"]
    assert treasure.read_text() == "do not touch"


READS = """import os, sys
for path in {paths!r}:
  try: print("listed" if os.path.isdir(path) and os.listdir(path) else "read" if open(path, "rb").read(1) else "empty")
  except OSError: print("refused")
"""


def test_a_program_reads_its_file_itself_and_the_system_and_nothing_else(
    run: Run, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if not isolation_here().files:
        pytest.skip("this system has no Landlock")
    home, models = tmp_path / "home", tmp_path / "models"
    for folder in (home, models, tmp_path / "media"):
        folder.mkdir()
    secrets = [
        tmp_path / "communique.db", tmp_path / "communique.db-wal", tmp_path / "config.toml", tmp_path / "media" / "other",
        home / "id_ed25519", home / "notes.txt",
    ]  # fmt: skip
    (models / "blob").write_text("weights")
    store = tmp_path_factory.mktemp("store") / "blob"
    store.write_text("more weights")
    (models / "linked").symlink_to(store)
    for path in secrets:
        path.write_text("canary")
    root = os.getpid()
    refused = [
        *map(str, secrets),
        str(home),
        str(tmp_path),
        str(tmp_path / "media"),
        "/etc/shadow",
        "/root",
        "/home",
        "/tmp",
    ]
    refused += [f"/proc/{root}/environ", f"/proc/{root}/cwd", f"/proc/{root}/root{tmp_path}/communique.db", "/var/log"]
    allowed = [str(tmp_path / "file"), str(tmp_path / "program.py"), str(models / "blob"), str(models / "linked")]
    allowed += ["/usr/bin/env", "/etc/ld.so.cache", "/dev/urandom", "/proc/cpuinfo", sys.executable, json.__file__]
    said = run(READS.format(paths=[*refused, *allowed]), may_read=[str(models)]).text.split()
    assert dict(zip([*refused, *allowed], said, strict=True)) == {
        **dict.fromkeys(refused, "refused"),
        **dict.fromkeys(allowed, "read"),
    }


def test_what_a_program_is_refused_is_said_with_the_way_out(
    run: Run, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if not isolation_here().files:
        pytest.skip("this system has no Landlock")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.raises(Failed, match=f"exit code 1.*Permission denied: '{elsewhere}'"):
        run(f"import os; os.listdir({str(elsewhere)!r})")
    assert run(f"import os; print(os.listdir({str(elsewhere)!r}))", may_read=[str(elsewhere)]).text == "[]"
    (elsewhere / "sh").write_bytes(Path("/bin/sh").read_bytes())
    (elsewhere / "sh").chmod(0o755)
    (tmp_path / "script").write_text(f"#!{elsewhere}/sh\necho words")
    (tmp_path / "script").chmod(0o755)
    assert run("", program=[str(tmp_path / "script")]).text == "words"
    (tmp_path / "script").write_text(f"#!/bin/sh\nexec {elsewhere}/sh -c 'echo words'")
    with pytest.raises(Failed, match="exit code 126"):
        run("", program=[str(tmp_path / "script")])


@pytest.mark.parametrize("named", ["data/communique.db", "data/media/other", "secret", "beside/config.toml"])
def test_naming_the_archive_or_a_secret_as_an_argument_does_not_open_it(
    tmp_path: Path, write: Callable[[str], str], media: Any, named: str
) -> None:
    if not isolation_here().files:
        pytest.skip("this system has no Landlock")
    for name in ("data/file", named, "beside/model"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(ogg(2))
    tried = [str(tmp_path / named), str(tmp_path / "beside" / "model")]
    words = (write(READS.format(paths=tried)), f"--in={tried[0]}", str(tmp_path / "beside"))
    engine = build(Settings(name="own", kind="program", program=words), EngineTools(tmp_path))
    hidden = (tmp_path / "secret", tmp_path / "beside" / "config.toml")
    sandbox = Sandbox(tmp_path / "data", HttpRules("test"), hidden)
    found = asyncio.run(sandbox.run(engine, media(tmp_path / "data" / "file")))
    assert found.text.split() == ["refused", "read"]


def living(tmp_path: Path) -> list[str]:
    """Processes whose home is a job's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [str(process)] if f"HOME={tmp_path}/work/".encode() in process.read_bytes() else []
        except OSError:
            continue
    return found


UNSEPARATED = """
import asyncio, sys
from pathlib import Path
from bot.enrich.engines import build
from bot.contracts.engine import EngineTools, MediaFile
from bot.enrich.sandbox.run import Failed, Sandbox, isolation_here
from bot.enrich.engines.program import Settings
from bot.http import HttpRules
here = Path(sys.argv[1])
settings = Settings(name="own", kind="program", program=(str(here / "program.py"),), timeout="3s")
media = MediaFile(here / "file", "voice", "audio/ogg", (here / "file").stat().st_size)
try:
    print(asyncio.run(Sandbox(here, HttpRules("test")).run(build(settings, EngineTools(here)), media)).text)
except Failed as problem:
    print(problem)
print(isolation_here())
"""


def test_where_namespaces_are_refused_a_job_is_isolated_all_the_same(
    tmp_path: Path, write: Callable[[str], str]
) -> None:
    """As in many containers: nobody makes a namespace in there."""
    (tmp_path / "file").write_bytes(ogg(2))
    refusing = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    command = ["unshare", "-Ur", "sh", "-c", refusing, "sh", sys.executable, "-c", UNSEPARATED, str(tmp_path)]

    def ran(body: str) -> list[str]:
        write(body)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        if "unshare failed" in done.stderr:
            pytest.skip("this system lets nobody make a namespace: all other tests have shown what holds")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    body = "import os, socket\nfor call in (lambda: socket.socket(), lambda: socket.socket(socket.AF_UNIX), os.setsid,"
    body += " lambda: os.setpgid(0, 0)):\n  try: call(); print('done')\n  except OSError: print('refused')"
    assert ran(body) == ["refused"] * 4 + ["Isolation(network=True, processes=True, files=True)"]
    spins = "import os, time\nfor _ in range(5):\n  if os.fork() == 0: time.sleep(100)\nwhile True: pass"
    assert "exceeded its processor time" in ran(spins)[0]
    assert living(tmp_path) == []


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXTINF:1\nhttp://127.0.0.1/x\n",
        b"\xef\xbb\xbf\n#EXTM3U\n#EXTINF:1\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"<?xml version='1.0'?><MPD><Period><BaseURL>http://127.0.0.1/x</BaseURL></Period></MPD>",
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
    body = "import time\nopen('begun', 'w').close()\ntime.sleep(100)"
    settings = Settings(name="own", kind="program", program=(write(body),))

    async def live() -> None:
        sandbox = Sandbox(tmp_path, HttpRules("test"))
        task = asyncio.create_task(sandbox.run(build(settings, EngineTools(tmp_path)), media(path)))
        async with asyncio.timeout(60):
            while not list((tmp_path / "work").glob("*/begun")):  # noqa: ASYNC110  another process makes it
                await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(live())
    assert not list((tmp_path / "work").iterdir())


def test_where_there_is_no_room_to_work_the_job_waits(tmp_path: Path, write: Callable[[str], str], media: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(ogg(2))
    (tmp_path / "work").touch()
    engine = build(Settings(name="own", kind="program", program=(write("print('words')"),)), EngineTools(tmp_path))
    with pytest.raises(Later, match="engine own: cannot start a job"):
        asyncio.run(Sandbox(tmp_path, HttpRules("test")).run(engine, media(path)))


def test_failures_of_the_engine_and_of_the_file_are_different(tmp_path: Path, media: Any) -> None:
    assert issubclass(Unfit, Never)
    assert not issubclass(Failed, Later | Never)
    engine = build(Settings(name="own", kind="program", program=("/nowhere/at/all",)), EngineTools(tmp_path))
    with pytest.raises(Never, match="is missing"):
        engine.ready()
