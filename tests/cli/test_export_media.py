"""Stored files out to a directory: names of ours, checked on the way, a manifest that no spreadsheet obeys."""

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from storage.media import rows as media_rows
from storage.media.shelf import Shelf
from storage.records import FetchedMedia
from tests.desk import run_program

Export = Callable[..., "subprocess.CompletedProcess[str]"]
VOICE = b"OggS" + b"\x00" * 24 + b"OpusHead" + b"a statement" * 100


@pytest.fixture
def export(desk: Any, tmp_path: Path, make_post: Any) -> Export:
    """Run the program on an archive with two voice notes and a picture."""
    files = Shelf(desk.archive.path.parent)
    carried = [
        ("1", "voice", VOICE, "../../etc/passwd"),
        ("2", "voice", VOICE, "=HYPERLINK(1)"),
        ("3", "photo", b"\x89PNG\r\n\x1a\nx", "\x1b[2Jpage.png"),
    ]
    for media_id, (native_id, kind, data, name) in enumerate(carried, 1):
        shown = FetchedMedia(kind, "k", url="https://cdn.example/x", name=name)  # type: ignore[arg-type]
        desk.save(make_post(native_id, url=f"https://t.me/spokesman/{native_id}", media=(shown,)))
        with files.arriving(media_id) as arriving:
            arriving.write(data)
            kept = arriving.keep()
        with desk.archive.writing() as writer:
            media_rows.mark_stored(writer, media_id, kept, 1)
        files.forget(media_id)
    desk.archive.close()

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return run_program("--data-dir", desk.archive.path.parent, "export-media", *words, cwd=tmp_path)

    return run


def manifest(directory: Path) -> list[dict[str, str]]:
    with (directory / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_content_is_copied_once_and_every_post_stands_in_the_manifest(export: Export, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = export(str(out))
    assert done.returncode == 0, done.stderr
    digest = sha256(VOICE).hexdigest()
    assert {path.name for path in out.iterdir()} >= {f"{digest}.ogg", "manifest.csv"}
    assert len(list(out.iterdir())) == 3
    assert (out / f"{digest}.ogg").read_bytes() == VOICE
    rows = manifest(out)
    assert [(row["native_id"], row["sha256"] == digest) for row in rows] == [("1", True), ("2", True), ("3", False)]
    assert (out / f"{digest}.ogg").stat().st_mode & 0o077 == 0


def test_only_what_is_asked_for_is_copied(export: Export, tmp_path: Path) -> None:
    assert export("--kind", "photo", str(tmp_path / "a")).returncode == 0
    assert [row["kind"] for row in manifest(tmp_path / "a")] == ["photo"]
    nobody = export("--source", "spokesmen", str(tmp_path / "b"))
    assert (nobody.returncode, 'no source spokesmen in the archive; did you mean "spokesman"?' in nobody.stderr) == (
        3,
        True,
    )
    assert manifest(tmp_path / "b") == []
    assert export("--kind", "voise", str(tmp_path / "d")).returncode == 2
    assert not (tmp_path / "d").exists()
    assert export("--since", "2030-01-01", str(tmp_path / "c")).returncode == 0
    assert manifest(tmp_path / "c") == []


def test_bad_input_41_and_52_a_foreign_name_is_a_cell_that_nothing_obeys(export: Export, tmp_path: Path) -> None:
    export(str(tmp_path / "out"))
    assert [row["name"] for row in manifest(tmp_path / "out")] == [
        "../../etc/passwd", "'=HYPERLINK(1)", "\\u{001b}[2Jpage.png",
    ]  # fmt: skip
    assert all(path.parent == tmp_path / "out" for path in (tmp_path / "out").rglob("*"))


def test_bad_input_55_a_directory_that_holds_something_or_is_a_link_is_refused(export: Export, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    refused = export(str(out))
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    assert export("--force", str(out)).returncode == 0
    assert (out / "mine.txt").read_text() == "kept"
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    assert export(str(link)).returncode == 2
    assert "Traceback" not in export(str(link)).stderr


def test_bad_input_43_a_link_inside_the_directory_is_never_written_through(export: Export, tmp_path: Path) -> None:
    out, treasure = tmp_path / "out", tmp_path / "treasure"
    out.mkdir()
    treasure.write_bytes(b"do not touch")
    (out / "manifest.csv").symlink_to(treasure)
    (out / f"{sha256(VOICE).hexdigest()}.ogg").symlink_to(treasure)
    assert "cannot be read" in export("--force", str(out)).stderr
    assert treasure.read_bytes() == b"do not touch"


def test_a_second_export_adds_to_the_first(export: Export, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export("--kind", "photo", str(out))
    assert export("--force", str(out)).returncode == 0
    assert {path.name for path in out.iterdir() if path.suffix == ".csv"} == {"manifest.csv", "manifest-2.csv"}


def test_bytes_that_are_not_what_their_name_says_are_told_and_not_exported(
    export: Export, desk: Any, tmp_path: Path
) -> None:
    digest = sha256(VOICE).hexdigest()
    path = desk.archive.path.parent / "media" / digest[:2] / digest[2:4] / digest
    path.chmod(0o600)
    path.write_bytes(b"#" * len(VOICE))
    done = export(str(tmp_path / "out"))
    assert done.returncode == 1
    assert "does not have the SHA-256 of its name" in done.stderr
    assert not (tmp_path / "out" / f"{digest}.ogg").exists()
    assert manifest(tmp_path / "out")[0]["file"] == ""


def test_show_open_says_where_a_file_stands(export: Export, desk: Any) -> None:
    command = [sys.executable, "-m", "bot", "--data-dir", str(desk.archive.path.parent), "show", "--open"]
    done = subprocess.run([*command, "spokesman/1"], capture_output=True, text=True, check=False, timeout=60)
    assert Path(done.stdout.strip()).read_bytes() == VOICE
    assert os.access(done.stdout.strip(), os.R_OK)


def test_bad_input_46_a_page_in_disguise_is_never_handed_to_a_viewer(
    desk: Any, make_post: Any, tmp_path: Path, on_a_terminal: Callable[..., tuple[int, str]]
) -> None:
    opened = tmp_path / "opened"
    viewer = tmp_path / "bin" / "xdg-open"
    viewer.parent.mkdir()
    viewer.write_text(f'#!/bin/sh\necho "$1" >> {opened}\n')
    viewer.chmod(0o755)
    files = Shelf(desk.archive.path.parent)
    contents = (
        VOICE,
        b"<html><script>alert(1)</script>",
        b"#EXTM3U\nhttp://10.0.0.1/",
        b"%PDF-1.7",
        b"\x89PNG\r\n\x1a\nx",
    )
    shown = tuple(FetchedMedia("photo", str(place), url="https://cdn.example/x") for place in range(len(contents)))
    desk.save(make_post("1", media=shown))
    for media_id, data in enumerate(contents, 1):
        with files.arriving(media_id) as arriving:
            arriving.write(data)
            kept = arriving.keep()
        with desk.archive.writing() as writer:
            media_rows.mark_stored(writer, media_id, kept, 1)
        files.forget(media_id)
    desk.archive.close()
    path = f"{viewer.parent}{os.pathsep}{os.environ['PATH']}"
    place = str(desk.archive.path.parent)
    code, sent = on_a_terminal("--data-dir", place, "show", "spokesman/1", "--open", PATH=path)
    assert code == 0
    assert [Path(line).read_bytes() for line in opened.read_text().splitlines()] == [VOICE, contents[-1]]
    assert sent.count("not opened: the file is") == 3
    assert "text/html" in sent
