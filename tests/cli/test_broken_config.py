"""A config with a mistake keeps nobody from reading the archive: what is certain is used, and a warning says the rest."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.archive.database import Archive
from storage.posts import saving
from storage.records import Batch, FetchedPost
from storage.sources import states
from tests.desk import run_program

FRAME = '[storage]\ndir = "{data}"\n[[terms]]\nname = "ridge"\nen = ["ridge"]\n[[sources]]\nname = "spokesman"\n'
NO_TOML = FRAME + 'kind = replay"\n'
MISTAKEN = FRAME + 'kind = "replay"\npath = "posts.jsonl"\nwrong = 1\n'


@pytest.fixture
def ask(
    archive: Archive, tmp_path: Path, make_post: Callable[..., FetchedPost], now: int
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the program beside a config of this text."""
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("spokesman", "replay", (), None)], now)
        source = states.find_source(writer, "spokesman")
        assert source is not None
        batch = Batch((make_post(1, "The ridge is quiet."),))
        saving.save(writer, source.id, batch, now=now, method="replay", alerts=False)

    def run(text: str, *words: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "config.toml").write_text(text.format(data=archive.path.parent), encoding="utf-8")
        return run_program(*words, cwd=tmp_path)

    return run


def test_a_search_reads_what_is_certain_of_a_file_that_is_no_toml(
    ask: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    found = ask(NO_TOML, "search", "@ridge", "--jsonl")
    assert found.returncode == 0
    assert json.loads(found.stdout)["native_id"] == "1"
    assert found.stderr.startswith(
        "warning: the config has a mistake, and only what is certain is taken from it: config."
    )
    assert found.stderr.count("\n") == 1, "said once"
    refused = ask(NO_TOML, "run", "--once")
    assert refused.returncode == 4


def test_the_sources_of_the_archive_are_listed_beside_a_mistake(
    ask: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    found = ask(NO_TOML, "sources", "list", "--jsonl")
    assert (found.returncode, json.loads(found.stdout)["name"]) == (0, "spokesman")
    assert "warning: sources that are only in the config are left out: config.toml:" in found.stderr


def test_a_source_is_listed_as_it_is_written_beside_mistakes_that_only_a_check_finds(
    ask: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    new = '[[sources]]\nname = "wire"\nkind = "feed"\ntags = ["press"]\nside = "a"\nenabled = false\n'
    nameless = '[[sources]]\nkind = "feed"\n'
    found = ask(MISTAKEN + new + nameless, "sources", "list", "--json")
    listed = {row["name"]: row for row in json.loads(found.stdout)}
    assert list(listed) == ["spokesman", "wire"]
    wire = listed["wire"]
    assert (wire["kind"], wire["tags"], wire["side"], wire["enabled"]) == ("feed", ["press"], "a", False)
    assert ask(MISTAKEN + new, "config", "check").returncode == 4


def test_the_caps_of_files_are_shown_beside_a_mistake_elsewhere(
    ask: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    found = json.loads(ask(MISTAKEN + '[media]\ntotal = "3GB"\n', "status", "--json").stdout)
    assert (found["media"]["bytes_at_most"], found["media"]["keep_free"]) == (3 << 30, 2 << 30)
    refused = json.loads(ask(MISTAKEN + '[media]\ntotal = "much"\n', "status", "--json").stdout)
    assert refused["media"]["bytes_at_most"] is None
