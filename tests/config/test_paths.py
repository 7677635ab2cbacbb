import subprocess
import sys
from pathlib import Path

import pytest

from bot.config import paths
from bot.config.environment import Environment
from bot.errors import ConfigError, UserError

NOTHING = Environment()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


def test_the_config_is_the_options_then_the_environments_then_here_then_the_platforms(tmp_path: Path) -> None:
    assert paths.find_config(None, NOTHING) is None
    usual = tmp_path / "xdg" / "communique" / "config.toml"
    usual.parent.mkdir(parents=True)
    usual.touch()
    assert paths.find_config(None, NOTHING) == usual
    Path("config.toml").touch()
    assert paths.find_config(None, NOTHING) == Path("config.toml")
    named = Environment(config=Path("named.toml"))
    assert paths.find_config(None, named) == Path("named.toml")
    assert paths.find_config(Path("flag.toml"), named) == Path("flag.toml")


def test_the_data_directory_is_found_without_checking_the_config(tmp_path: Path) -> None:
    assert paths.data_dir(None, None, NOTHING) == tmp_path / "share" / "communique"
    Path("config.toml").write_text('[storage]\ndir = "archive"\n[[sources]]\nnonsense = 1\n')
    assert paths.data_dir(None, None, NOTHING) == tmp_path / "work" / "archive"
    assert paths.data_dir(None, None, Environment.of({"COMMUNIQUE_STORAGE__DIR": "b"})) == tmp_path / "work" / "b"
    assert paths.data_dir(None, None, Environment(data_dir=Path("c"))) == tmp_path / "work" / "c"
    assert paths.data_dir(None, Path("d"), Environment(data_dir=Path("c"))) == tmp_path / "work" / "d"


def test_a_config_that_is_no_toml_is_told_rather_than_the_wrong_directory_used() -> None:
    Path("config.toml").write_text("[storage\n")
    with pytest.raises(ConfigError, match=r"config\.toml:1:9 not TOML"):
        paths.data_dir(None, None, NOTHING)
    Path("config.toml").write_text("[storage]\ndir = 3\n")
    with pytest.raises(UserError, match="dir is not a string"):
        paths.data_dir(None, None, NOTHING)


def test_finding_the_data_directory_imports_no_pydantic() -> None:
    Path("config.toml").write_text('[storage]\ndir = "archive"\n')
    program = (
        "import sys; from bot.config import paths; from bot.config.environment import Environment;"
        "paths.data_dir(None, None, Environment.of_process());"
        "print([name for name in ('pydantic', 'httpx', 'sqlalchemy', 'platformdirs') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_bad_input_68_the_data_directory_is_made_private_or_refused(tmp_path: Path) -> None:
    fresh = tmp_path / "deep" / "data"
    assert paths.prepare(fresh) is None
    assert fresh.stat().st_mode & 0o777 == 0o700
    fresh.chmod(0o755)
    assert "0755" in str(paths.prepare(fresh))
    assert fresh.stat().st_mode & 0o777 == 0o700
    fresh.chmod(0o777)
    with pytest.raises(UserError, match="chmod 700"):
        paths.prepare(fresh)
