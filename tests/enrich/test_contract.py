"""What every kind of engine keeps, whatever it reads with."""

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from bot.clock import SECOND
from bot.contracts.engine import Bounds, Engine, EngineTools, Made, MediaFile
from bot.enrich import engines, worker
from storage.records import MediaKind

KEYS: dict[str, dict[str, Any]] = {
    "faster_whisper": {"model": "/nonexistent/model"},
    "openai": {"url": "http://127.0.0.1:9/v1", "model": "omni"},
    "program": {"program": ["/nonexistent/program", "{file}"]},
    "rapidocr": {},
    "sherpa_onnx": {"model": "/nonexistent/model"},
    "tesseract": {},
    "translate": {"url": "http://127.0.0.1:9/v1", "model": "omni"},
}
HEAVY = (
    "numpy",
    "PIL",
    "faster_whisper",
    "ctranslate2",
    "av",
    "onnxruntime",
    "sherpa_onnx",
    "rapidocr",
    "cv2",
    "httpx",
)


@pytest.fixture(params=engines.kinds())
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    kind = request.param
    settings = engines.settings_of(kind).model_validate({"name": "one", "kind": kind, **KEYS.get(kind, {})})
    return engines.build(settings, EngineTools(tmp_path))


def test_an_engine_says_what_it_reads_and_makes(engine: Engine) -> None:
    assert engine.makes in get_args(Made)
    assert engine.reads <= set(get_args(MediaKind))
    assert bool(engine.reads) == (engine.makes != "translation")  # a translator is given words, not files


def test_its_bounds_are_bounds(engine: Engine, tmp_path: Path) -> None:
    bounds = engine.bounds(MediaFile(tmp_path / "x", "voice", "audio/ogg", 10_000, duration_s=60.0))
    assert isinstance(bounds, Bounds)
    assert 0 < 3 * bounds.cpu_s < bounds.clock_s
    assert bounds.clock_s * SECOND < worker.LEASE
    assert 0 < bounds.memory <= 64 << 30
    assert bounds.written >= 0
    assert bounds.processes > 0


def test_a_remote_one_names_where_it_sends(engine: Engine) -> None:
    assert bool(engine.settings.addresses()) == engine.remote


@pytest.mark.parametrize("kind", engines.kinds())
def test_the_settings_of_a_kind_refuse_every_other_kind(kind: str) -> None:
    with pytest.raises(ValidationError, match=r"(?m)^kind$"):
        engines.settings_of(kind).model_validate({"name": "one", "kind": "worker", **KEYS.get(kind, {})})


def test_an_unknown_kind_is_no_module() -> None:
    with pytest.raises(KeyError):
        engines.settings_of("worker")


@pytest.mark.parametrize("kind", engines.kinds())
def test_wiring_an_engine_loads_nothing_heavy(kind: str) -> None:
    program = f"""
import sys
from pathlib import Path
from bot.contracts.engine import EngineTools
from bot.enrich import engines
settings = engines.settings_of({kind!r}).model_validate({{"name": "one", "kind": {kind!r}, **{KEYS.get(kind, {})!r}}})
engines.build(settings, EngineTools(Path("/nonexistent")))
print(sorted(set(sys.modules) & set({HEAVY!r})))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_unit_of_systemd_has_room_for_the_largest_job(engine: Engine, tmp_path: Path) -> None:
    unit = (Path(__file__).parents[2] / "deploy" / "communique.service").read_text(encoding="utf-8")
    [most] = [int(line.removeprefix("MemoryMax=")[:-1]) for line in unit.splitlines() if line.startswith("MemoryMax=")]
    bounds = engine.bounds(MediaFile(tmp_path / "x", "voice", "audio/ogg", 10_000, duration_s=60.0))
    assert bounds.memory + (512 << 20) <= most << 20
    assert "OOMPolicy=continue" in unit.splitlines()
