"""An archive with a post whose bytes have changed on the disk: which post that is, and what helps."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.archive.connections import connect
from storage.archive.database import Archive

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def damage(data_dir: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Runs a statement in a copy of the collected archive, in which no trigger forbids it; its path."""

    def run(statement: str) -> Path:
        data = tmp_path / "data"
        shutil.copytree(data_dir, data)
        connection = connect(data / "communique.db", mode="rw")
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(statement).rowcount > 0
        connection.close()
        return data

    return run


OF_ONE = "(SELECT id FROM posts WHERE native_id = '2')"


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE texts SET text = CAST(x'ff41' AS TEXT) WHERE post_id = {OF_ONE}",
        f"UPDATE posts SET posted_raw = CAST(x'c3' AS TEXT) WHERE id = {OF_ONE}",
        f"UPDATE revisions SET links = '[{{' WHERE post_id = {OF_ONE}",
        f'UPDATE revisions SET links = \'[{{"text": "a", "usl": "b"}}]\' WHERE post_id = {OF_ONE}',
        f'UPDATE posts SET forward = \'{{"nade": "x"}}\' WHERE id = {OF_ONE}',
        f"UPDATE revisions SET number = 9 WHERE post_id = {OF_ONE}",
    ],
)
def test_a_post_that_is_damaged_is_named_by_all_who_need_it(
    inside: Program, damage: Callable[[str], Path], statement: str
) -> None:
    data = str(damage(statement))
    said = "the post spokesman/2 is damaged in the archive: restore a backup; `communique doctor` names all damaged posts\n"
    for words in (
        ("show", "spokesman/2"),
        ("export", "--format", "jsonl", "-o", "-"),
        ("search", "source:spokesman"),
    ):
        ran = inside("--data-dir", data, *words)
        assert (ran.returncode, ran.stderr) == (1, said), words
    ran = inside("--data-dir", data, "doctor")
    assert ran.returncode == 1
    assert "fail  posts      these posts are damaged: spokesman/2; check the disk" in ran.stdout


def test_search_words_that_are_damaged_are_named_and_made_again(inside: Program, damage: Callable[[str], Path]) -> None:
    data = damage(f"UPDATE texts SET packed = x'ff' WHERE packed IS NOT NULL AND post_id = {OF_ONE}")
    with Archive(data / "communique.db") as archive, archive.reading() as reader:
        [word] = str(reader.value(f"SELECT text FROM texts WHERE post_id = {OF_ONE}")).split()[:1]
    ran = inside("--data-dir", str(data), "doctor")
    assert ran.returncode == 1
    assert "searches may miss these posts: spokesman/2; communique doctor --rebuild-index" in ran.stdout
    assert "posts" not in inside("--data-dir", str(data), "doctor", "--rebuild-index").stdout
    assert "example_channel/2" in inside("--data-dir", str(data), "search", word).stdout
