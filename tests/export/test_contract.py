"""What every format of an export gives, whatever it is: a manifest, the same bytes again, all or nothing, one sentence."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from bot.errors import UserError
from bot.export import load
from bot.export.making import Exported
from storage.archive.database import Archive
from tests.export.exported import INSTALLED, ROOT, Exports, files_of, read_manifest
from tests.web.archive import BEGIN, HOUR, Seeded

FOLDER = "datasette"
Program = Callable[..., "subprocess.CompletedProcess[str]"]


def test_the_manifest_says_what_was_asked_and_hashes_every_file(exports: Exports, name: str, tmp_path: Path) -> None:
    done = exports.make(name, tmp_path / "out", "bridge OR တံတား", tags=("public",))
    said, files = read_manifest(done), files_of(done)
    assert said["format"] == name
    assert said["query"] == "bridge OR တံတား"
    assert said["tags"] == ["public"]
    assert said["posts"] == done.posts > 0
    assert said["first_at"] <= said["last_at"]
    assert {one["name"]: one["sha256"] for one in said["files"]} == {
        file: hashlib.sha256(data).hexdigest() for file, data in files.items()
    }
    assert {one["name"]: one["bytes"] for one in said["files"]} == {file: len(data) for file, data in files.items()}


@pytest.fixture(scope="session")
def elsewhere(seeded: Seeded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every format, made by another process: in another zone, with other hashes of strings, a second later."""
    return _in_a_process(EVERY, seeded, tmp_path_factory.mktemp("elsewhere"), TZ="Asia/Yangon", PYTHONHASHSEED="7")


EVERY = """
import sys
from pathlib import Path
from tests.export.exported import INSTALLED, Exports
for name in INSTALLED:
    Exports(Path(sys.argv[1])).make(name, Path(f"out.{name}"))
"""


def _in_a_process(script: str, seeded: Seeded, directory: Path, **variables: str) -> Path:
    """Run a script there; it gets the data directory. What it prints is in the file `said`."""
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(ROOT), **variables}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    with (directory / "said").open("w") as said:
        command = [sys.executable, "-c", script, str(seeded.data_dir)]
        subprocess.run(command, cwd=directory, env=env, stdout=said, check=True, timeout=120)
    return directory


def test_the_same_archive_gives_the_same_bytes(exports: Exports, name: str, tmp_path: Path, elsewhere: Path) -> None:
    done = exports.make(name, tmp_path / f"out.{name}")
    there = elsewhere / done.path.name
    other = Exported(done.posts, there, elsewhere / done.manifest.relative_to(tmp_path))
    assert files_of(other) == files_of(done)
    assert other.manifest.read_bytes() == done.manifest.read_bytes()


def test_a_viewer_of_some_sources_gets_nothing_of_others(
    exports: Exports, name: str, tmp_path: Path, seeded: Seeded
) -> None:
    """Not their posts, not their names, not the ids of events that began there."""
    with Archive(seeded.data_dir / "communique.db") as archive, archive.reading() as reader:
        sources = {row["name"]: row["id"] for row in reader.rows("SELECT id, name FROM sources")}
        own = sources.pop("hill-rangers")
        hidden = reader.column("SELECT id FROM posts WHERE source_id <> :own", {"own": own})
        assert reader.value("SELECT count(*) FROM event_posts b JOIN posts p ON p.id = b.post_id "
                            "WHERE p.source_id = :own AND b.event_id <> p.id", {"own": own})  # fmt: skip
    done = exports.make(name, tmp_path / "out", may_read=frozenset({own}))
    assert done.posts > 0
    whole = b"\n".join([*map(str.encode, files_of(done)), *files_of(done).values(), done.manifest.read_bytes()])
    if name not in ("xlsx", "parquet"):  # packed, and made of the same posts as the others
        del sources["river-alliance"]  # a post that is shown has its address, as the origin of what it forwards
        traces = (*sources, '"river-alliance', "/river-alliance/", *map(str, hidden))
        assert [one for one in traces if one.encode() in whole] == []
    assert [one["name"] for one in read_manifest(done)["coverage"]["sources"]] == ["hill-rangers"]
    nothing = exports.make(name, tmp_path / "none", may_read=frozenset())
    assert nothing.posts == 0
    assert read_manifest(nothing)["coverage"]["sources"] == []


def test_the_manifest_says_when_nobody_looked_and_what_is_missing(exports: Exports, tmp_path: Path) -> None:
    said = read_manifest(exports.make("csv", tmp_path / "out"))["coverage"]
    assert [(one["source"], one["outcome"], one["to"] is None) for one in said["blind"]] == [
        ("gulf-observer", "failing", False), ("north-relief", "unreachable", True),
    ]  # fmt: skip
    assert [(one["source"], one["low"], one["high"]) for one in said["gaps"]] == [("border-daily", 40, 44)]
    assert {one["name"]: one["posts"] for one in said["sources"]}["north-relief"] == 0
    before = read_manifest(exports.make("csv", tmp_path / "before", until=BEGIN + 4 * HOUR))["coverage"]
    assert (before["blind"], before["gaps"]) == ([], [])
    assert before["to"] == "2025-11-22T05:30:00Z"
    one = read_manifest(exports.make("csv", tmp_path / "one", "source:valley-radio"))["coverage"]
    assert ([source["name"] for source in one["sources"]], one["blind"], one["gaps"]) == (["valley-radio"], [], [])


def test_nothing_found_is_an_empty_export(exports: Exports, name: str, tmp_path: Path) -> None:
    done = exports.make(name, tmp_path / "out", '"no such words anywhere"')
    assert read_manifest(done)["posts"] == 0
    assert done.path.exists()


def test_bad_input_55_what_is_not_ours_stays(exports: Exports, name: str, tmp_path: Path) -> None:
    there = tmp_path / "out"
    exports.make(name, there)
    done = exports.make(name, there)  # unchanged: replaced
    some = tmp_path / "out" / min(files_of(done)) if done.path.is_dir() else done.path
    some.write_bytes(some.read_bytes() + b"a note of mine")
    with pytest.raises(UserError, match="exists and is not an unchanged export"):
        exports.make(name, there)
    assert some.read_bytes().endswith(b"a note of mine")
    forced = exports.make(name, there, force=True)
    assert (forced.aside is None) == done.path.is_file()
    if forced.aside is not None:
        assert any(path.read_bytes().endswith(b"a note of mine") for path in forced.aside.rglob("*") if path.is_file())
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


FULL = """
import json, resource, signal, sys
from pathlib import Path
from tests.export.exported import INSTALLED, Exports
from bot.errors import CommuniqueError
from bot.export import load
from storage.archive.database import Archive
data_dir, said = Path(sys.argv[1]), {}
formats = [load(name) for name in INSTALLED]
with Archive(data_dir / "communique.db") as archive, archive.reading() as reader:  # its own files are there
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
    for name in INSTALLED:
        try:
            Exports(data_dir).make(name, Path("out"))
        except CommuniqueError as problem:
            said[name] = str(problem).replace(str(Path.cwd()), "")
    for name, words in said.items():
        print(name, words, flush=True)
"""


def test_a_manifest_of_something_else_gives_nothing_away(exports: Exports, tmp_path: Path) -> None:
    """Beside a file of ours that somebody has written over, or that names no file, or another one."""
    exports.make("csv", tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "other")
    (tmp_path / "out").write_text("mine")
    manifest = tmp_path / "out.manifest.json"
    whole = manifest.read_text()
    for said in (whole, whole.replace('"name": "out"', '"name": "other"'), whole.split('  "files"')[0]):
        manifest.write_text(said)
        with pytest.raises(UserError, match="exists and is not an unchanged export"):
            exports.make("csv", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path, seeded: Seeded) -> None:
    """A limit on the size of files takes the place of the disk: the system refuses to write in the same way."""
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", FULL, str(seeded.data_dir)]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)
    full, broken = "no space left for /out: free some space; nothing was written there", "Input/output error"
    said = dict(line.split(" ", 1) for line in done.stdout.split("\n") if line)
    assert list(said) == INSTALLED, done.stderr
    for words in said.values():  # SQLite has no word for a file that may not be larger
        assert words in (full, f"cannot write to /out: {broken}")
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["jsonl", FOLDER])
def test_a_killed_export_leaves_nothing_under_its_name_and_the_next_one_cleans_up(
    name: str, tmp_path: Path, seeded: Seeded, exports: Exports
) -> None:
    """It is killed at the moment at which its draft appears."""
    command = [sys.executable, "-m", "bot", "--data-dir", str(seeded.data_dir), "export", "--format", name, "-o", "out"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while not (draft := tmp_path / ".out.part").exists() and process.poll() is None:
            assert time.monotonic() < until
        process.kill()
    finished = process.returncode == 0
    assert (tmp_path / "out").exists() <= finished
    assert draft.exists() or finished
    done = exports.make(name, tmp_path / "out", force=True)
    assert read_manifest(done)["posts"] > 0
    assert not draft.exists()


def test_an_export_under_way_is_not_disturbed(exports: Exports, tmp_path: Path) -> None:
    from bot.export.draft import ExportDraft

    with ExportDraft(tmp_path / "out"), pytest.raises(UserError, match="under way"):
        exports.make("jsonl", tmp_path / "out")


def test_a_directory_of_a_killed_exchange_comes_back(exports: Exports, tmp_path: Path) -> None:
    (tmp_path / ".out.part" / "old").mkdir(parents=True)
    (tmp_path / ".out.part" / "old" / "mine.txt").write_text("kept")
    with pytest.raises(UserError, match="exists"):
        exports.make("jsonl", tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "kept"


def test_a_draft_that_holds_anything_else_is_not_removed(exports: Exports, tmp_path: Path) -> None:
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="in the way"):
        exports.make("csv", tmp_path / "out")
    assert (tmp_path / ".out.part" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("there", ["pipe", "link", "directory"])
def test_only_a_file_is_replaced_by_a_file(exports: Exports, tmp_path: Path, there: str) -> None:
    path = tmp_path / "out"
    if there == "pipe":
        os.mkfifo(path)
        with pytest.raises(UserError, match="no file"):
            exports.make("jsonl", path, force=True)
    elif there == "link":
        (tmp_path / "elsewhere").write_text("kept")
        path.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UserError, match="exists"):
            exports.make("jsonl", path)
        exports.make("jsonl", path, force=True)
        assert (tmp_path / "elsewhere").read_text() == "kept"
    else:
        path.mkdir()
        assert exports.make("jsonl", path).path == path / "posts.jsonl"
    shutil.rmtree(tmp_path)


def test_a_missing_directory_and_an_unknown_source_are_one_sentence_each(program: Program) -> None:
    missing = program("--format", "jsonl", "-o", "nowhere/out.jsonl")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "there is no directory" in missing.stderr
    unknown = program("--format", "jsonl", "--source", "nobody", "-o", "-")
    assert unknown.returncode == 3
    assert "there is no source nobody" in unknown.stderr


def test_a_path_without_a_name_or_with_one_too_long_is_one_sentence(program: Program, tmp_path: Path) -> None:
    empty = program("--format", "csv", "--force", "-o", "")
    assert (empty.returncode, empty.stdout) == (2, "")
    assert "the path is empty" in empty.stderr
    long = program("--format", "csv", "-o", str(tmp_path / ("x" * 300)))
    assert (long.returncode, long.stdout) == (1, "")
    assert "cannot write to" in long.stderr
    assert "report it" not in long.stderr


def test_what_somebody_is_in_is_not_set_aside(
    exports: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "desk" / "notes").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "desk" / "notes")
    for place in (tmp_path / "desk", exports.data_dir, exports.data_dir.parent):
        with pytest.raises(UserError, match="stays where it is"):
            exports.make("obsidian", place, force=True)
    assert exports.data_dir.is_dir()
    assert exports.make("obsidian", tmp_path / "desk" / "notes").posts, "an empty directory is taken as it is"


def test_lines_go_to_stdout_and_nothing_else_does(program: Program, exports: Exports, tmp_path: Path) -> None:
    done = program("--format", "jsonl", "-o", "-")
    assert done.stdout.encode() == exports.make("jsonl", tmp_path / "out").path.read_bytes()
    assert done.returncode == 0


def test_what_can_be_streamed_is_the_same_as_the_file(exports: Exports, name: str, tmp_path: Path) -> None:
    out = BytesIO()
    if load(name).streams:
        exports.stream(name, out)
        assert out.getvalue() == exports.make(name, tmp_path / "out").path.read_bytes()
    else:
        with pytest.raises(UserError, match="cannot be written to stdout"):
            exports.stream(name, out)
        assert out.getvalue() == b""


def test_a_missing_package_is_one_sentence_with_the_line_that_installs_it(tmp_path: Path) -> None:
    script = """
import sys
sys.modules["xlsxwriter"] = None
from bot.export import load
load("xlsx")
"""
    command = [sys.executable, "-c", script]
    env = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert "xlsx needs a package that is not installed: pip install 'communique[export]'" in done.stderr
