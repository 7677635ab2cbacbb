"""Bytes by their content: whole or not at all, never over, private; and what their first bytes show."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from storage.archive.errors import ArchiveDamaged, ArchiveRefused
from storage.media.shelf import Kept, Shelf
from storage.media.types import sniff

VOICE = b"OggS" + b"\x00" * 24 + b"OpusHead" + b"a statement" * 1000


@pytest.fixture
def files(tmp_path: Path) -> Shelf:
    (tmp_path / "data").mkdir(mode=0o700)
    return Shelf(tmp_path / "data")


def bring(files: Shelf, media_id: int, data: bytes = VOICE) -> Kept:
    with files.arriving(media_id) as arriving:
        for start in range(0, len(data), 1000):
            arriving.write(data[start : start + 1000])
        return arriving.keep()


def standing(files: Shelf) -> list[str]:
    return sorted(str(path.relative_to(files.root)) for path in files.root.rglob("*") if path.is_file())


def test_a_file_stands_under_its_content_and_nobody_else_reads_or_writes_it(files: Shelf, tmp_path: Path) -> None:
    kept = bring(files, 7)
    files.forget(7)
    digest = sha256(VOICE).hexdigest()
    assert kept == Kept(digest, len(VOICE), f"media/{digest[:2]}/{digest[2:4]}/{digest}", "audio/ogg")
    path = tmp_path / "data" / kept.path
    assert path.read_bytes() == VOICE
    assert path.stat().st_mode & 0o777 == 0o400
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert standing(files) == [kept.path.removeprefix("media/")]


def test_bad_input_42_the_same_content_is_stored_once_and_other_content_beside_it(files: Shelf) -> None:
    first, again, other = bring(files, 1), bring(files, 2), bring(files, 3, VOICE + b"!")
    assert first == again != other
    assert [kept.new for kept in (first, again, other)] == [True, False, True]
    for media_id in (1, 2, 3):
        files.forget(media_id)
    assert len(standing(files)) == 2


def test_what_breaks_off_leaves_nothing(files: Shelf) -> None:
    with files.arriving(1) as arriving:
        arriving.write(VOICE[:100])
    assert standing(files) == []
    assert bring(files, 1).size == len(VOICE)


def test_bad_input_43_a_link_in_the_way_is_never_followed(files: Shelf, tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_bytes(b"do not touch")
    digest = sha256(VOICE).hexdigest()
    shelf = files.root / digest[:2] / digest[2:4]
    shelf.mkdir(parents=True, mode=0o700)
    files.root.chmod(0o700)
    (shelf / digest).symlink_to(treasure)
    with pytest.raises(ArchiveDamaged, match="not a file that we made"):
        bring(files, 1)
    assert treasure.read_bytes() == b"do not touch"
    (shelf / digest).unlink()
    shelf.rmdir()
    shelf.symlink_to(tmp_path)
    with pytest.raises(ArchiveRefused, match="not the directory"):
        bring(files, 1)
    (files.root / ".incoming" / "5").symlink_to(treasure)
    shelf.unlink()
    bring(files, 5)
    (files.root / ".incoming" / "6").hardlink_to(treasure)
    bring(files, 6, VOICE + b"!")
    assert treasure.read_bytes() == b"do not touch"
    assert treasure.stat().st_nlink == 1


def test_bad_input_43_a_media_directory_that_is_a_link_is_refused(files: Shelf, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    files.root.symlink_to(elsewhere)
    with pytest.raises(ArchiveRefused, match="is a link"):
        bring(files, 1)


def test_what_stands_under_a_name_and_is_another_content_is_told_and_left(files: Shelf) -> None:
    kept = bring(files, 1)
    files.forget(1)
    path = files.root.parent / kept.path
    path.chmod(0o600)
    path.write_bytes(b"#" * kept.size)
    with pytest.raises(ArchiveDamaged, match="does not hold what its name says"):
        bring(files, 2)
    assert path.read_bytes() == b"#" * kept.size


KILLED = """
import os, signal, sys
from pathlib import Path
from storage.media.shelf import Shelf
with Shelf(Path(sys.argv[1])).arriving(7) as arriving:
    arriving.write(b"OggS" + b"x" * 5000)
    if sys.argv[2] == "kept":
        arriving.keep()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["arriving", "kept"])
def test_a_kill_leaves_no_orphan_and_forgets_nothing_that_was_whole(files: Shelf, moment: str) -> None:
    died = subprocess.run([sys.executable, "-c", KILLED, str(files.root.parent), moment], check=False)
    assert died.returncode == -9
    [(media_id, kept)] = files.left_behind()
    assert media_id == 7
    if moment == "arriving":
        assert kept is None
        assert standing(files) == []
    else:
        assert kept is not None
        files.forget(7)
        assert standing(files) == [kept.path.removeprefix("media/")]
    assert list(files.left_behind()) == []


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    program = f"""
import resource, signal
from pathlib import Path
from storage.media.shelf import Shelf
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
files = Shelf(Path({str(tmp_path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
try:
    with files.arriving(1) as arriving:
        arriving.write(b"x" * 20_000)
except OSError:
    print("told", [path.name for path in files.root.rglob("*") if path.is_file()])
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout == "told []\n"


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"\x00\x00\x00\x20ftypM4A \x00", "audio/mp4"),
        (b"\x00\x00\x00\x20ftypisom\x00", "video/mp4"),
        (b"ID3\x04\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (VOICE[:4096], "audio/ogg"),
        (b"", "application/octet-stream"),
        (b"\x00\x01\x02", "application/octet-stream"),
        ("သတင်း".encode(), "text/plain"),
        (b"PK\x03\x04\x14", "application/zip"),
    ],
)
def test_the_first_bytes_tell_the_type(head: bytes, mime: str) -> None:
    assert sniff(head) == mime


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"<html><script>alert(1)</script>", "text/html"),
        (b"\xef\xbb\xbf  <!DOCTYPE html>", "text/html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/>', "image/svg+xml"),
        (b'<?xml version="1.0"?><!DOCTYPE svg><svg/>', "image/svg+xml"),
        (b"#EXTM3U\n#EXTINF:1\nhttp://10.0.0.1/", "application/vnd.apple.mpegurl"),
        (b"\n#EXTM3U8\nfile:///etc/passwd", "application/vnd.apple.mpegurl"),
        (b"ffconcat version 1.0\nfile /etc/passwd", "text/x-ffconcat"),
        (b"v=0\r\no=- 0 0 IN IP4 10.0.0.1", "application/sdp"),
    ],
)
def test_bad_input_46_a_page_or_playlist_in_disguise_is_named_as_what_it_is(head: bytes, mime: str) -> None:
    assert sniff(head) == mime


def test_only_a_descriptor_of_ours_is_ever_open(files: Shelf) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for media_id in range(20):
        bring(files, media_id, VOICE + bytes([media_id]))
        files.forget(media_id)
    list(files.left_behind())
    assert len(list(Path("/proc/self/fd").iterdir())) == before
