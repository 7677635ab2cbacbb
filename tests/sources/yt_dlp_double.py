#!/usr/bin/env python3
"""A program that behaves like yt-dlp towards whoever starts it: options, exit codes, words, files. The URL says how."""

import os
import socket
import sys
import time
import urllib.request
from itertools import pairwise
from pathlib import Path

VERSION = "2026.10.26"
FLAGS = {
    *(
        "--ignore-config",
        "--no-plugin-dirs",
        "--no-cache-dir",
        "--no-cookies",
        "--no-cookies-from-browser",
        "--no-exec",
    ),
    *("--no-js-runtimes", "--no-remote-components", "--no-playlist", "--no-progress", "--no-mtime"),
    "--abort-on-unavailable-fragments",
}


def fail(words: str) -> None:
    print(f"ERROR: [youtube] {words}; please report this issue on https://example.org/", file=sys.stderr)
    sys.exit(1)


def main() -> None:
    if "--version" in sys.argv:
        print(VERSION)
        return
    given = sys.argv[1 : sys.argv.index("--")]
    url = sys.argv[-1]
    values = {name: value for name, value in pairwise(given) if not value.startswith("--")}
    if missing := FLAGS - set(given):
        fail(f"not asked for: {missing}")
    how = url.rpartition("=")[2]
    out = Path(values["--output"].replace("%(ext)s", "wav"))
    if how == "direct":
        port = int(url.rpartition(":")[2].partition("/")[0])
        try:
            socket.create_connection(("127.0.0.1", port), 30).close()
        except OSError as problem:
            fail(f"no way past the proxy: {problem.strerror}")
    if how == "writes":
        try:
            Path(__file__).with_name("taken").write_text("here")
        except OSError as problem:
            fail(f"no place to write: {problem.strerror}")
    if how == "endless":
        while True:
            print("x" * 65_536)
    if how == "child":
        if os.fork() == 0:
            os.closerange(0, 3)
            time.sleep(3600)
        out.write_bytes(str(os.getpgrp()).encode())
        return
    if how == "filter":
        print("[download] Ferry does not pass filter (!is_live), skipping ..")
        return
    if how.startswith("says"):
        fail(os.environ.get("SAID") or how[5:].replace("_", " "))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": values["--proxy"]}))
    try:
        data = opener.open(url, timeout=60).read()
    except OSError as problem:
        fail(f"Unable to download webpage: {problem}")
    if len(data) > int(values["--max-filesize"]):
        print(f"[download] File is larger than max-filesize ({len(data)} bytes > ..). Aborting.")
        return
    part = out.with_name(f"{out.name}.part")
    part.write_bytes(data)
    if how == "partial":
        return
    part.rename(out)


if __name__ == "__main__":
    main()
