"""`make bench`: every benchmark in turn; each prints its ratios beside the floor of the same run."""

import importlib
import pkgutil
from pathlib import Path


def main() -> None:
    for found in sorted(pkgutil.iter_modules([str(Path(__file__).parent)]), key=lambda one: one.name):
        if found.name.startswith("_"):
            continue
        print(f"\n== {found.name}", flush=True)
        importlib.import_module(f"bench.{found.name}").main([])


if __name__ == "__main__":
    main()
