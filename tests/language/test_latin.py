"""The language of Latin letters: told where it is clear, by a model that came with its package."""

import subprocess
import sys
from pathlib import Path

import pytest

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
