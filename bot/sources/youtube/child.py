"""Becomes the program yt-dlp: limits and confines itself first, so that what follows keeps to that.

Started as a script; the order comes on stdin as JSON. Nothing is left of this process but its limits.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_PDEATHSIG = 1  # prctl.h
_INTERPRETER = 256  # bytes of a script's first line


def main() -> None:
    """Read {"command", "folder", "port", "cpu_s", "memory", "written", "environment"}, and become the command."""
    sys.path.insert(0, str(_ROOT))
    from bot.landlock import confine, libc
    from bot.system_files import devices, own_program, program_parts, system

    parent = os.getppid()
    libc("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    order = json.loads(sys.stdin.buffer.readline())
    if os.getppid() != parent:
        return
    folder = Path(order["folder"])
    program = Path(order["command"][0])
    read = [*system(), *own_program(), *program_parts(program), *_find_interpreter(program)]
    confine(read=read, use=devices(), own=[folder], port=order["port"])
    for limit, most in (
        (resource.RLIMIT_CPU, order["cpu_s"]),
        (resource.RLIMIT_AS, order["memory"]),
        (resource.RLIMIT_FSIZE, order["written"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
    ):
        resource.setrlimit(limit, (most, most))
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.execve(order["command"][0], order["command"], order["environment"])  # noqa: S606  no shell; the command is ours


def _find_interpreter(program: Path) -> list[Path]:
    """What runs a script, with what belongs to it: a program that people installed for themselves has its own."""
    from bot.system_files import program_parts

    with program.open("rb") as file:
        first = file.readline(_INTERPRETER)
    words = first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []
    return list(program_parts(Path(words[0]))) if words else []


if __name__ == "__main__":
    main()
