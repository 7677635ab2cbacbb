"""The language of Latin letters: told where it is clear, by a model that is part of the program."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from storage.language.latin import MODEL
from storage.language.script import language

ASKED = """
import sys

def tell(event, told):
    if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
        raise SystemExit(f"asked the network: {event} {told}")

sys.addaudithook(tell)
from storage.language.latin import language
print(language("The regional command has fallen."))
"""


@pytest.mark.parametrize(
    "text", ["ok", "Breaking!", "MNDAA", "Tatmadaw KNLA PDF", "Lashio falls", "asdkjh qwkejh zxmcn"]
)
def test_a_few_names_are_of_no_known_language(text: str) -> None:
    assert language(text) == "und"


def test_a_sentence_is_told_without_asking_the_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED],
        env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("en\n", "")
    assert list(tmp_path.iterdir()) == [], "nothing was fetched"


def test_the_model_is_the_one_that_its_licence_speaks_of() -> None:
    licence = MODEL.with_name(f"{MODEL.name}.license").read_text(encoding="utf-8")
    assert f"SHA-256: {hashlib.sha256(MODEL.read_bytes()).hexdigest()}" in licence
