"""How long alerts take beside feeds that never answer, on the server of the webhook or of the healthy feeds."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench._table import LeftOut, Row, amount, run
from tests.neighbourhood import Neighbourhood, opened

_SOURCES, _EVERY, _POSTS, _HANGING = 200, "10s", 100, 6
_FRAME = """
[http]
allow_private_addresses = true
[defaults]
every = "{every}"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{url}/hook"
"""
_FEED = '\n[[sources]]\nname = "{name}"\nkind = "feed"\nurl = "{url}"\n'


def measure(hooks: Neighbourhood, healthy: Neighbourhood, hanging: Neighbourhood, count: int) -> tuple[float, str]:
    """Run the daemon for a while, publish one post a second; the median until an alert has arrived, and the rest."""
    names = [f"b{number}" for number in range(_SOURCES)]
    feeds = [(f"a{number}", f"{hanging.url}/hang/{number}") for number in range(count)]
    feeds += [(name, f"{healthy.url}/feed/{name}") for name in names]
    for name in names:
        healthy.publish(name, "An old item.")
    published: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.toml"
        entries = "".join(_FEED.format(name=name, url=url) for name, url in feeds)
        config.write_text(_FRAME.format(url=hooks.url, every=_EVERY) + entries, encoding="utf-8")
        command = [sys.executable, "-m", "bot", "--config", str(config), "--data-dir", f"{folder}/data", "run"]
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while any(healthy.asked[f"feed/{name}"] < 2 for name in names):
                time.sleep(0.5)
            for number in range(_POSTS):
                text = f"The regional command has moved: {number}."
                published[text] = time.time()
                healthy.publish(names[number % len(names)], text)
                time.sleep(1)
            patience = time.monotonic() + 300
            while len(hooks.delivered) < len(published) and time.monotonic() < patience:
                time.sleep(0.5)
        finally:
            daemon.terminate()
            daemon.wait()
    lags = [hooks.delivered[text] - at for text, at in published.items() if text in hooks.delivered] or [float("nan")]
    rest = f"{len(hooks.delivered)} of {len(published)} alerts, longest {max(lags):.1f} s"
    return statistics.median(lags), rest


def rows(quick: bool) -> Iterator[Row]:
    if quick:
        raise LeftOut("three times a hundred posts, one a second, take ten minutes: only in the whole run")
    with opened() as there, opened() as other:
        floor, shown = measure(there, other, there, 0)
    yield amount("until an alert has arrived, no feed hangs", floor, "s", ours=shown)
    for name, apart in (("on the server of the webhook", True), ("all on one server", False)):
        with opened() as there, opened() as other:
            ours, shown = measure(there, other if apart else there, there, _HANGING)
        yield amount(f"the same, feeds hang {name}", ours, "s", ours=shown, floor=f"{floor:.1f} s")


if __name__ == "__main__":
    run(rows, __doc__)
