"""Kinds of other packages: which are refused, which are broken, and that none is looked for in vain."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import sources
from bot.alerts import targets
from bot.config import load
from bot.config.environment import Environment
from bot.config.schema import schema
from bot.contracts.registry import Kinds, Registry
from bot.contracts.source import Want
from bot.enrich import engines
from bot.errors import ConfigError, Later, Never
from tests.sources.loopback_server import surrounded

SOURCE = """
from bot.contracts.source import SourceSettings
class Settings(SourceSettings):
    kind: str
    street: str = "Mill Street"
class Board:
    pages = checks = False
    def __init__(self, settings, tools):
        self.settings = settings
    async def fetch(self, want, cursor): ...
    async def check(self, native_id): ...
build = Board
"""
TARGET = """
from bot.contracts.target import TargetSettings
class Settings(TargetSettings):
    kind: str
def build(settings, tools):
    raise RuntimeError("whsec_secret")
"""
ENTRY = '[[sources]]\nname = "hall"\nkind = "{kind}"\n'

Add = Callable[..., None]


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Lay a package where Python finds it, as an installer would."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def lay(kind: str, module: str, text: str, group: str = "sources") -> None:
        info = tmp_path / "site" / f"{module}-2.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 2.1\n")
        (info / "entry_points.txt").write_text(f"[communique.{group}]\n{kind} = {module}\n")
        (tmp_path / "site" / f"{module}.py").write_text(text)
        monkeypatch.delitem(sys.modules, module, raising=False)

    return lay


@pytest.fixture
def kinds() -> Kinds:
    """Registries that have met no plug-in yet."""
    return Kinds(
        Registry("bot.sources", sources.__path__, group="communique.sources"),
        Registry("bot.alerts.targets", targets.__path__, group="communique.targets"),
        engines.REGISTRY,
    )


@pytest.fixture
def trouble(tmp_path: Path, kinds: Kinds) -> Callable[[str], str]:
    """What `config check` has to say of a config."""

    def read(text: str) -> str:
        (tmp_path / "config.toml").write_text(text)
        config = load(tmp_path / "config.toml", Environment(), kinds=kinds, data_dir=tmp_path / "data")
        return "\n".join(map(str, config.silent))

    return read


def test_nobody_looks_for_plug_ins_without_an_entry_of_theirs(
    add: Add, kinds: Kinds, trouble: Callable[[str], str]
) -> None:
    add("board", "town_board", "raise SystemExit(1)")
    assert trouble('[[sources]]\nname = "x"\nkind = "replay"\npath = "p"\n') == ""
    assert "plug_ins" not in vars(kinds.sources) | vars(kinds.targets)
    assert "town_board" not in sys.modules


def test_the_keys_of_a_plug_in_are_checked_and_in_the_schema(
    add: Add, kinds: Kinds, trouble: Callable[[str], str]
) -> None:
    add("board", "town_board", SOURCE)
    with pytest.raises(ConfigError, match='unknown key; did you mean "street"'):
        trouble(ENTRY.format(kind="board") + 'stret = "x"\n')
    with pytest.raises(ConfigError, match='did you mean "board"'):
        trouble(ENTRY.format(kind="bord"))
    assert trouble(ENTRY.format(kind="board") + 'street = "x"\n') == ""
    assert "board" in kinds.sources.met()
    forms = schema(kinds)["properties"]["sources"]["items"]["oneOf"]
    assert "street" in next(form for form in forms if form["properties"]["kind"]["const"] == "board")["properties"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("raise SystemExit(1)", "SystemExit: 1"),
        ("def build(", "SyntaxError: "),
        ("build = print", "it has no class `Settings` made from `SourceSettings`"),
        (
            SOURCE.replace("kind: str", "kind: __import__('typing').Literal['bord']"),
            "its `Settings` allows only the kind 'b",
        ),
        (SOURCE.replace("build =", "make ="), "it has no function `build`"),
        (SOURCE.replace('street: str = "Mill Street"', "handle = reads = lambda self: 1 / 0"), "ZeroDivisionError in "),
        (SOURCE.replace('street: str = "Mill Street"', "def model_post_init(self, _): {}[0]"), "KeyError in "),
    ],
)
def test_a_broken_plug_in_is_one_sentence_and_its_source_says_it(
    add: Add, kinds: Kinds, trouble: Callable[[str], str], text: str, why: str, tmp_path: Path
) -> None:
    add("board", "town_board", text)
    said = trouble(ENTRY.format(kind="board") + 'own_key = "x"\n' * (why[:4] not in ("Zero", "KeyE")))
    assert f'sources[0].kind: the plug-in town_board 2.1 (kind "board", town_board) cannot be used: {why}' in said
    assert "\n" not in said
    config = load(tmp_path / "config.toml", Environment(), kinds=kinds, data_dir=tmp_path / "data")

    async def ask() -> None:
        async with surrounded(tmp_path) as tools:
            await kinds.sources.build(config.sources[0], tools).fetch(Want(), None)

    with pytest.raises(Later, match=r"town_board 2\.1"):
        asyncio.run(ask())
    assert "board" in kinds.sources.met()
    forms = schema(kinds)["properties"]["sources"]["items"]["oneOf"]
    assert len(forms) == len(kinds.sources.kinds())


@pytest.mark.parametrize("odd", ["SystemExit(7)", "__import__('asyncio').CancelledError", "BaseException('odd')"])
def test_what_a_plug_in_raises_in_a_round_never_ends_the_daemon(
    add: Add, kinds: Kinds, odd: str, tmp_path: Path
) -> None:
    add("board", "town_board", SOURCE.replace("cursor): ...", f"cursor):\n        raise {odd}"))
    settings = kinds.sources.settings_of("board").model_validate({"name": "hall", "kind": "board"})

    async def ask() -> None:
        async with surrounded(tmp_path) as tools:
            await kinds.sources.build(settings, tools).fetch(Want(), None)

    with pytest.raises(Exception, match=r"it raised (SystemExit|CancelledError|BaseException)"):
        asyncio.run(ask())


def test_a_plug_in_that_waits_can_be_stopped(add: Add, kinds: Kinds, tmp_path: Path) -> None:
    add(
        "board",
        "town_board",
        SOURCE.replace("cursor): ...", "cursor):\n        await __import__('asyncio').sleep(600)"),
    )
    settings = kinds.sources.settings_of("board").model_validate({"name": "hall", "kind": "board"})

    async def ask() -> None:
        async with surrounded(tmp_path) as tools:
            asking = asyncio.create_task(kinds.sources.build(settings, tools).fetch(Want(), None))
            await asyncio.sleep(0)
            asking.cancel()
            await asking

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(ask())


def test_a_target_that_cannot_be_built_refuses_every_message_and_shows_no_secret(
    add: Add, kinds: Kinds, tmp_path: Path
) -> None:
    add("pager", "town_pager", TARGET, "targets")
    settings = kinds.targets.settings_of("pager").model_validate({"name": "desk", "kind": "pager"})
    target = kinds.targets.build(settings, None)
    with pytest.raises(Never, match=r"town_pager 2\.1 .*: RuntimeError in build, line 6; repair") as raised:
        asyncio.run(target.send(None))
    assert "whsec_secret" not in str(raised.value)
    assert target.settings.name == "desk"


def test_a_package_cannot_take_a_kind_of_the_program_or_of_another_package(
    add: Add, kinds: Kinds, trouble: Callable[[str], str]
) -> None:
    add("feed", "town_feed", SOURCE)
    add("board", "town_board", SOURCE)
    add("board", "other_board", SOURCE)
    assert trouble('[[sources]]\nname = "x"\nkind = "feed"\nurl = "https://a.example/"\n') == ""
    assert "town_feed" not in sys.modules
    added = kinds.sources.plug_ins
    assert added is not None
    assert added.refusal("feed") == 'the program itself has the kind "feed": rename the entry point'
    assert 'other_board 2.1 and town_board 2.1 both add the kind "board"' in trouble(ENTRY.format(kind="board"))
    assert "town_board" not in sys.modules
