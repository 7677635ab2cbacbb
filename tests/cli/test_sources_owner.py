"""Whoever lets a source read something else has decided whom to follow; what was collected stays."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from storage.archive.database import Archive

CONFIG = """
[[sources]]
name = "ferry"
kind = "replay"
path = "{path}"
every = "{every}"
"""


def test_another_address_in_the_config_lets_go_of_the_pinned_id(
    inside: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    (tmp_path / "old.jsonl").write_text('{"native_id": "1", "posted_at": "2026-11-01T00:00:00Z", "text": "One."}\n')
    (tmp_path / "new.jsonl").write_text('{"native_id": "2", "posted_at": "2026-11-02T00:00:00Z", "text": "Two."}\n')

    def collect(path: str, every: str) -> list[str | None]:
        (tmp_path / "config.toml").write_text(CONFIG.format(path=path, every=every))
        place = ("--config", str(tmp_path / "config.toml"), "--data-dir", str(tmp_path / "data"))
        assert inside(*place, "run", "--once").returncode == 0
        with Archive(tmp_path / "data" / "communique.db") as archive, archive.reading() as reader:
            return reader.column("SELECT channel_id FROM sources")

    collect("old.jsonl", "1m")
    with Archive(tmp_path / "data" / "communique.db") as archive, archive.writing() as writer:
        writer.execute("UPDATE sources SET channel_id = '7'")
    assert collect("old.jsonl", "2m") == ["7"], "another key changes nothing"
    assert collect("new.jsonl", "2m") == [None]
    with Archive(tmp_path / "data" / "communique.db") as archive, archive.reading() as reader:
        assert reader.column("SELECT native_id FROM posts ORDER BY native_id") == ["1", "2"]
