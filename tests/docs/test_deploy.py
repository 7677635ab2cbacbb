"""What deploy/ has: units that systemd accepts, an image that gets what it needs and no secret, and the ways to install."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, read

DEPLOY = ROOT / "deploy"
UNITS = ("communique.service", "communique@.service")


@pytest.mark.parametrize("name", [*UNITS, "communique-room.service"])
def test_systemd_accepts_the_unit(name: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not on this machine")
    unit = tmp_path / name.replace("@", "@north")
    text = read(DEPLOY / name).replace("/opt/communique/.venv/bin/communique", "/bin/true")
    text = re.sub(r"(User|Group)=communique", r"\1=root", text)  # the user of the page is not on this machine
    unit.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_template_is_the_unit_with_a_place_for_each_instance() -> None:
    unit, template = ([line for line in read(DEPLOY / name).splitlines() if line[:2] != "# "] for name in UNITS)
    assert [re.sub(r"[-/ ]%i", "", line) for line in template] == unit


def let_through(path: str) -> bool:
    """Whether .dockerignore lets a file of the source folder through to the builder: the last line that fits counts."""
    through = True
    for line in read(ROOT / ".dockerignore").splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!").removeprefix("**/")
            parts = path.split("/")
            heads = {"/".join(parts[:length]) for length in range(1, len(parts) + 1)}
            fits = any(fnmatch.fnmatch(one, pattern) for one in (parts if "**/" in line else heads))
            through = line.startswith("!") if fits else through
    return through


def test_the_image_gets_what_it_copies_and_no_secret() -> None:
    copied = [
        name for line in re.findall(r"(?m)^COPY (.+)$", read(DEPLOY / "Dockerfile")) for name in line.split()[:-1]
    ]
    assert len(copied) >= 8
    assert [name for name in copied if not (ROOT / name).exists() or not let_through(name)] == []
    for kept_away in (
        "config.toml",
        "data/communique.db",
        "deploy/secrets/bot-token",
        ".git/config",
        ".venv/bin/python",
    ):
        assert not let_through(kept_away)
    assert let_through("bot/__main__.py")
    assert not let_through("bot/__pycache__/x.pyc")


def test_the_compose_file_mounts_what_the_page_says() -> None:
    yaml = pytest.importorskip("yaml")
    service = yaml.safe_load(read(DEPLOY / "compose.yaml"))["services"]["communique"]
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    assert set(service["build"]["args"]) == set(re.findall(r"(?m)^ARG (\w+)=", read(DEPLOY / "Dockerfile")))
    assert service["volumes"] == ["data:/data", "./config.toml:/etc/communique/config.toml:ro"]
    [secret] = service["secrets"]
    assert f'token_file = "/run/secrets/{secret}"' in read(ROOT / "docs" / "container.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source folder."""
    to = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(to),
        str(ROOT),
    ]
    subprocess.run(build, check=True, timeout=600, stdout=subprocess.DEVNULL)
    [made] = to.glob("communique-*.whl")
    return made


def works(program: Path, home: Path) -> None:
    """It starts, writes a config, and finds it good."""
    around = {"PATH": os.environ["PATH"], "HOME": str(home)}
    for words in (("--version",), ("init",), ("config", "check"), ("doctor",)):
        done = subprocess.run(
            [program, *words], cwd=home, env=around, capture_output=True, text=True, check=False, timeout=120
        )
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), (words, done.stdout, done.stderr)


@pytest.mark.long
def test_it_is_installed_with_pip(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True, timeout=600)
    pip = [str(tmp_path / "env" / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements" / "run.txt")], check=True, timeout=1200)
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, timeout=600)
    works(tmp_path / "env" / "bin" / "communique", tmp_path)


@pytest.mark.long
def test_it_is_installed_with_uv(wheel: Path, tmp_path: Path) -> None:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        pytest.skip("uv is not on this machine")
    around = os.environ | {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    install = [uv, "tool", "install", "--quiet", "--python", sys.executable, str(wheel)]
    subprocess.run(install, env=around, check=True, timeout=1200)
    works(tmp_path / "bin" / "communique", tmp_path)
