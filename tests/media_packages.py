"""`make setup-media`: installs Debian packages; waits for another apt, and names each package that is left out.

Run it with the names of the packages.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence

WAIT_S = 600  # for another apt; unattended upgrades take minutes
_PAUSE_S = 2.0
_LOCKED = ("Could not get lock", "Unable to lock", "Unable to acquire")


def missing(packages: Sequence[str]) -> list[str]:
    """Those that are not installed."""
    show = ["dpkg-query", "-W", "-f=${db:Status-Status}"]
    found = [subprocess.run([*show, name], capture_output=True, text=True, check=False).stdout for name in packages]
    return [name for name, state in zip(packages, found, strict=True) if state != "installed"]


def install(packages: Sequence[str]) -> dict[str, str]:
    """Install what is missing. Which packages are left out, each with the reason."""
    if shutil.which("apt-get") is None:
        return dict.fromkeys(packages, "no apt-get here")
    absent = missing(packages)
    if not absent or _apt("install", *absent) is None:
        return {}
    if why := _apt("update"):
        print(f"the lists of packages could not be updated: {why}", file=sys.stderr)
    if _apt("install", *absent) is None:
        return {}
    reasons = {name: _apt("install", name) for name in missing(packages)}
    return {name: why for name, why in reasons.items() if why is not None}


def _apt(action: str, *packages: str) -> str | None:
    """Why it failed, None if it did not; waits while another apt has the lock."""
    command = ["apt-get", "-qq", "-o", f"DPkg::Lock::Timeout={WAIT_S}", action, *packages]
    if action == "install":
        command[2:2] = ["-y", "--no-install-recommends"]
    if os.geteuid() != 0:
        command[:0] = ["sudo", "-n"]
    ends = time.monotonic() + WAIT_S
    while True:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
            )
        except OSError as problem:
            return f"{command[0]}: {problem.strerror}"
        if done.returncode == 0:
            return None
        locked = any(words in done.stderr for words in _LOCKED) and "ermission denied" not in done.stderr
        if not locked or time.monotonic() > ends:
            errors = [line.removeprefix("E: ") for line in done.stderr.splitlines() if line.strip()]
            return errors[0] if errors else f"apt-get ended with {done.returncode}"
        time.sleep(_PAUSE_S)


def main() -> None:
    packages = sys.argv[1:]
    left_out = install(packages)
    for name, why in left_out.items():
        print(f"left out: {name} ({why})", file=sys.stderr)
    if left_out:
        print(f"to try again, as root: apt-get install {' '.join(left_out)}", file=sys.stderr)


if __name__ == "__main__":
    main()
