import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.sandbox import describe_leaks
from bot.enrich.sandbox.isolation import Isolation
from bot.enrich.sandbox.run import isolation_here
from tests import speech_model, voice_notes
from tests.desk import run_program
from tests.engine_server import serving

ROOT = Path(__file__).parents[2]
Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Run a command with a config of this test's own: `ask(config, "models", "--json")`."""

    def asked(config: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "config.toml"
        path.write_text('[storage]\ndir = "data"\n' + config)
        return run_program("--config", path, *arguments, cwd=ROOT)

    return asked


def test_without_engines_it_says_so_and_what_suits_which_language(ask: Ask) -> None:
    ran = ask("", "models")
    assert ran.returncode == 0
    assert "not transcribed or read" in ran.stderr
    assert "Stock Whisper of any size, hosted too, cannot transcribe Burmese" in ran.stdout


def test_what_is_missing_is_one_sentence_with_the_line_that_brings_it(ask: Ask) -> None:
    config = """
[[engines]]
name = "reader"
kind = "tesseract"
program = "no-such-reader"

[[engines]]
name = "ears"
kind = "faster_whisper"
model = "no-such-model"
"""
    ran = ask(config, "models", "--json")
    assert ran.returncode == 1
    reader, ears = json.loads(ran.stdout)
    assert reader["state"] == ears["state"] == "missing"
    assert "apt install tesseract-ocr" in reader["why"]
    assert "has no model.bin" in ears["why"] or "pip install 'communique[speech]'" in ears["why"]
    told = [one for one in json.loads(ask(config, "doctor", "--json").stdout) if one["check"] == "engines"]
    assert [one["verdict"] for one in told] == ["fail", "fail"]
    assert "apt install tesseract-ocr" in told[0]["fix"]


def test_an_engine_reads_neither_the_config_nor_a_secret_nor_the_archive_that_stand_beside_it(
    ask: Ask, tmp_path: Path
) -> None:
    if not isolation_here().files:
        pytest.skip("this system has no Landlock")
    reads = tmp_path / "reads.py"
    reads.write_text(
        f"import sys\nfor name in ('config.toml', 'hook.secret', 'data/communique.db', 'backups/x', 'model'):\n"
        f"  try: print(open({str(tmp_path)!r} + '/' + name).read(3))\n  except OSError: print('refused')\n"
    )
    for name in ("hook.secret", "data/communique.db", "backups/x", "model"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("yes")
        (tmp_path / name).chmod(0o600)
    config = f"""
[backup]
to = "backups"
[[targets]]
name = "hook"
kind = "webhook"
url_file = "hook.secret"
[[engines]]
name = "own"
kind = "program"
program = ["{sys.executable}", "{reads}"]
may_read = ["."]
"""
    [tried] = json.loads(ask(config, "models", "--json").stdout)
    assert tried["heard"].split() == ["refused"] * 4 + ["yes"], tried


def test_doctor_tells_what_this_system_does_not_keep_an_engine_from(ask: Ask) -> None:
    config = '[[engines]]\nname = "own"\nkind = "program"\nprogram = ["true"]\n'
    (told,) = [one for one in json.loads(ask(config, "doctor", "--json").stdout) if one["check"] == "jobs"]
    leaks = describe_leaks(isolation_here())
    assert (told["verdict"], "seccomp" in told["fix"]) == (("ok", False) if leaks is None else ("warn", True))
    leaks = describe_leaks(Isolation(network=False, processes=True, files=False))
    assert leaks is not None
    assert "reach the network and read and write any file" in leaks


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is missing; make setup-media brings it")
def test_doctor_names_the_language_data_that_a_source_needs(ask: Ask) -> None:
    pytest.importorskip("PIL", reason="Pillow is missing; make setup-media brings it")
    config = """
[[sources]]
name = "spokesman"
kind = "replay"
path = "posts.jsonl"
languages = ["my", "xx"]

[[engines]]
name = "reader"
kind = "tesseract"
"""
    (told,) = [one for one in json.loads(ask(config, "doctor", "--json").stdout) if one["check"] == "engines"]
    assert (told["verdict"], "tesseract-ocr-xx" in told["fix"]) == ("warn", True)


def test_an_engine_is_tried_on_a_clip_of_ours(ask: Ask) -> None:
    lacking = voice_notes.missing() or (speech_model.MISSING if speech_model.found() is None else None)
    if lacking:
        pytest.skip(lacking)
    pytest.importorskip("faster_whisper", reason="faster-whisper is missing; make setup-media brings it")
    config = f'[[engines]]\nname = "ears"\nkind = "faster_whisper"\nmodel = "{speech_model.found()}"\n'
    ran = ask(config, "models")
    assert ran.returncode == 0, ran.stdout
    assert "works" in ran.stdout
    assert "regional command has fallen" in ran.stdout.lower()


def test_a_translator_is_tried_on_words_of_ours(ask: Ask) -> None:
    told = "The regional command has fallen."
    with serving({"choices": [{"message": {"content": told}}]}) as server:
        config = (
            '[http]\nallow_private_addresses = true\n[[engines]]\nname = "english"\nkind = "translate"\n'
            f'url = "{server.url}"\nmodel = "stub"\n'
        )
        [tried] = json.loads(ask(config, "models", "--json").stdout)
        assert (tried["state"], tried["heard"]) == ("works", told)
        assert "ကျဆုံး" in server.asked[0]["messages"][1]["content"]
        [back] = json.loads(ask(config + 'into = "my"\n', "models", "--json").stdout)
        assert (back["state"], back["why"]) == ("doubtful", "it returned the words unchanged")
    ran = ask(config, "models", "--json")
    assert ran.returncode == 1
    [down] = json.loads(ran.stdout)
    assert down["state"] == "fails"
    assert "cannot be reached" in down["why"]


def test_a_model_that_hears_what_its_sources_speak_only_when_tuned_is_told_of(ask: Ask, tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper", reason="faster-whisper is missing; make setup-media brings it")
    (tmp_path / "model").mkdir()
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / "model" / name).touch()
    source = '[[sources]]\nname = "{0}"\nkind = "replay"\npath = "{0}.jsonl"\nlanguages = ["{1}"]\n'
    engine = '[[engines]]\nname = "for-{0}"\nkind = "faster_whisper"\nmodel = "model"\nsources = ["{0}"]\n'
    config = "".join((source.format("a", "my"), source.format("b", "en"), engine.format("a"), engine.format("b")))
    found = json.loads(ask(config, "models", "--no-try", "--json").stdout)
    assert [one["why"] for one in found] == ["for my it needs a model tuned for it", ""]
