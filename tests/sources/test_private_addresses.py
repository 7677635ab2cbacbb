"""SSRF (bad inputs 26 to 34) against every kind: no answer leads a source to an address that is not public."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot import sources
from tests.sources.ways_to_addresses import WAYS

ROOT = Path(__file__).parents[2]
INSIDE = (
    "ip link set lo up && ip addr add 169.254.169.254/32 dev lo && ip addr add 10.0.0.1/32 dev lo"
    ' && exec "$0" -m tests.sources.ways_to_addresses "$1"'
)
OWN = {"replay": "it reads a file", "telegram": "tests/telegram", "mail": "one server, which the config names"}


def tried(each: int) -> Any:
    alone = ("unshare", "--user", "--map-root-user", "--net")
    try:
        usable = (
            subprocess.run([*alone, "sh", "-c", "ip link set lo up"], capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        usable = False
    if not usable:
        pytest.skip("left out: this machine makes no network namespaces (unshare, ip)")
    done = subprocess.run(
        [*alone, "sh", "-c", INSIDE, sys.executable, str(each)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_every_kind_that_asks_a_server_is_tried() -> None:
    assert {kind.partition(",")[0] for kind in WAYS} | OWN.keys() == set(sources.kinds())


@pytest.mark.parametrize("each", [24, pytest.param(1, marks=pytest.mark.long)])
def test_no_way_leads_a_source_to_a_private_address(each: int) -> None:
    found = tried(each)
    assert found["visited"] == []
    assert found["odd"] == []
    assert found["dead"] == [], "ways that lead nowhere, even where the address is open, prove nothing"
