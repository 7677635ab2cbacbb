"""`make setup-media` waits for another apt, and names what it had to leave out."""

import subprocess
import sys
from pathlib import Path

import pytest

APT = """#!/bin/sh
echo "$@" >> {folder}/asked
for word; do last=$word; done
case "$*" in
  *install*)
    if [ -s {folder}/locks ]; then
      sed -i 1d {folder}/locks
      echo "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt-get)" >&2
      exit 100
    fi
    status=0
    for word in $(cat {folder}/wanted); do
      case " $* " in *" $word "*)
        if [ "$word" = nowhere ]; then status=100; echo "E: Unable to locate package nowhere" >&2
        elif [ $status = 0 ] && ! echo "$*" | grep -q nowhere; then echo "$word" >> {folder}/installed; fi
      esac
    done
    exit $status;;
esac
"""
QUERY = """#!/bin/sh
for word; do last=$word; done
grep -qx "$last" {folder}/installed && printf installed
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A system with its own apt-get, whose lock is taken as often as `locks` has lines."""
    for name, text in (("apt-get", APT), ("dpkg-query", QUERY), ("sudo", '#!/bin/sh\nshift\nexec "$@"\n')):
        (tmp_path / name).write_text(text.format(folder=tmp_path) if name != "sudo" else text)
        (tmp_path / name).chmod(0o755)
    for name in ("installed", "locks", "asked"):
        (tmp_path / name).touch()
    return tmp_path


def set_up(system: Path, *packages: str) -> str:
    (system / "wanted").write_text("\n".join(packages))
    command = [sys.executable, "-m", "tests.media_packages", *packages]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PATH": f"{system}:/usr/bin:/bin"}, timeout=120
    )
    assert done.stdout == ""
    return done.stderr


def test_another_apt_is_waited_for(system: Path) -> None:
    (system / "locks").write_text("1\n2\n")
    assert set_up(system, "one", "two") == ""
    assert (system / "installed").read_text().split() == ["one", "two"]
    assert "DPkg::Lock::Timeout=" in (system / "asked").read_text()


def test_what_is_installed_is_not_asked_for(system: Path) -> None:
    (system / "installed").write_text("one\ntwo\n")
    assert set_up(system, "one", "two") == ""
    assert (system / "asked").read_text() == ""


def test_one_package_that_cannot_be_had_is_named_and_the_others_are_installed(system: Path) -> None:
    said = set_up(system, "one", "nowhere", "two")
    assert "left out: nowhere (Unable to locate package nowhere)" in said
    assert said.count("left out") == 1
    assert "apt-get install nowhere" in said
    assert (system / "installed").read_text().split() == ["one", "two"]


def test_a_system_without_apt_is_told_what_to_install(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.media_packages", "one", "two"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": str(tmp_path)}, timeout=60)
    assert [line for line in done.stderr.splitlines() if line.startswith("left out")] == [
        "left out: one (no apt-get here)",
        "left out: two (no apt-get here)",
    ]
