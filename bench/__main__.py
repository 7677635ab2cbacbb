"""`make bench`: every benchmark in turn, then one table of what was measured, its goals and verdicts."""

import argparse
import multiprocessing
import pkgutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench import _table


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("only", nargs="*", help="the benchmarks to make (default: all)")
    options.add_argument("--quick", action="store_true", help="less work, less certain: two minutes")
    chosen = options.parse_args(arguments)
    every = [found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)]) if found.name[0] != "_"]
    if unknown := sorted(set(chosen.only) - set(every)):
        options.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(every)}")
    rows: list[_table.Row] = []
    without: list[str] = []
    for name in chosen.only or every:
        print(f"\n== {name}", flush=True)
        began = time.monotonic()
        try:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as own:
                rows += own.submit(_table.measure, name, quick=chosen.quick).result()
        except Exception as reason:  # noqa: BLE001 - the others are measured all the same
            print(f"left out: {reason!r}", flush=True)
            without.append(f"{name}: {str(reason) or type(reason).__name__}")
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
    print("\n", *_table.table(rows), *(f"left out: {one}" for one in without), sep="\n")
    return _table.verdict(rows)


if __name__ == "__main__":
    sys.exit(main())
