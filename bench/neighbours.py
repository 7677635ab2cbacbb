"""How long alerts take beside feeds that never answer, on the server of the webhook or of the healthy feeds."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.neighbourhood import Neighbourhood, opened

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


def measure(
    chosen: argparse.Namespace, hooks: Neighbourhood, healthy: Neighbourhood, hanging: Neighbourhood, count: int
) -> None:
    """Run the daemon for a while, publish one post a second, and print how late its alert came."""
    names = [f"b{number}" for number in range(chosen.sources)]
    feeds = [(f"a{number}", f"{hanging.url}/hang/{number}") for number in range(count)]
    feeds += [(name, f"{healthy.url}/feed/{name}") for name in names]
    for name in names:
        healthy.publish(name, "An old item.")
    published: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.toml"
        entries = "".join(_FEED.format(name=name, url=url) for name, url in feeds)
        config.write_text(_FRAME.format(url=hooks.url, every=chosen.every) + entries, encoding="utf-8")
        command = [sys.executable, "-m", "bot", "--config", str(config), "--data-dir", f"{folder}/data", "run"]
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while any(healthy.asked[f"feed/{name}"] < 2 for name in names):
                time.sleep(0.5)
            for number in range(chosen.posts):
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
    print(
        f"{len(hooks.delivered)} of {len(published)} alerts; until delivery {statistics.median(lags):.1f} s "
        f"(median), {statistics.mean(lags):.1f} s (mean), {max(lags):.1f} s (longest)",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=200)
    parser.add_argument("--every", default="10s", help="interval of each source")
    parser.add_argument("--posts", type=int, default=100)
    parser.add_argument("--hanging", type=int, default=6)
    chosen = parser.parse_args(arguments)
    for name, apart, count in (
        ("no feed hangs", True, 0),
        ("on the server of the webhook", True, chosen.hanging),
        ("all on one server", False, chosen.hanging),
    ):
        print(f"neighbours, {chosen.sources} feeds every {chosen.every}, {name}: ", end="", flush=True)
        with opened() as there, opened() as other:
            measure(chosen, there, other if apart else there, there, count)


if __name__ == "__main__":
    main()
