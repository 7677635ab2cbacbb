"""`communique demo`: the real daemon on a loopback world of fictional channels; needs nothing."""

import asyncio
import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.serve import EXTRA, is_installed
from bot.cli.terminal.output import Session, say, style, write_line

if TYPE_CHECKING:
    from bot.world import World

SECONDS = 28.0
_PREFIX = "communique-demo-"

_CONFIG = """\
# The demo's own config: a real one, but every source points at the loopback world. `communique init` writes yours.
[http]
allow_private_addresses = true # the world lives on 127.0.0.1
[http.hosts."127.0.0.1"]
interval = 0 # the politeness that a public site needs and a loopback one does not

[storage]
dir = "." # beside this file

[defaults]
every = "1s"
timezone = "Asia/Yangon"
targets = ["terminal"]

{sources}
[[sources]]
name = "{feed}"
kind = "feed"
url = "{url}/feed/{feed}.atom"
tags = ["press"]

[[rules]]
name = "regional-command"
query = '"regional command" OR "north-eastern command" OR တိုင်းစစ်ဌာနချုပ်'
priority = "high"

[[pairs]] # what one side says soon after the other quotes both
rule = "regional-command"
sides = ["junta", "resistance"]

[[terms]] # of two statements that both name a place, only those that share one face each other
name = "taungkyar"
kind = "place"
en = ["Taungkyar"]
my = ["တောင်ကြား"]

[[terms]]
name = "hopang"
kind = "place"
en = ["Hopang"]

[[rules]]
name = "voice-of-the-spokesman"
query = "has:voice"
sources = ["{office}"]

[[targets]]
name = "terminal"
kind = "console"
digest = "daily 08:00 Asia/Yangon" # a summary beside the alerts; `alerts preview terminal` shows the next one
"""

_SOURCE = """\
[[sources]]
name = "{name}"
kind = "telegram_web"
channel = "{name}"
base_url = "{url}"
recheck = ["3s", "6s", "9s", "12s", "15s", "18s", "21s", "24s"] # so that the edit and the deletion are really found
side = "{side}"
family = "{family}"
tags = ["{side}"]
"""


@click.command("demo")
@click.option("--seconds", default=SECONDS, show_default=True, help="How long to watch the world, at the usual pace.")
@click.option("--pace", default=1.0, show_default=True, help="How many times as fast: 2 takes half the time.")
@click.pass_obj
def command(session: Session, seconds: float, pace: float) -> None:
    """Start a small world on 127.0.0.1, watch it with the real daemon, and show every alert as it fires.

    Five fictional Telegram channels and a feed; nothing leaves this machine. The archive is kept until the next demo,
    so that the commands shown at the end work.
    """
    _remove_old_worlds()
    directory = session.data_dir_flag or Path(tempfile.mkdtemp(prefix=_PREFIX))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    code = asyncio.run(_show(session, directory.absolute(), seconds, pace))
    if code == 0:
        _show_digest(session, directory.absolute())
        _suggest_commands(session, directory.absolute())
    raise SystemExit(code)


async def _show(session: Session, directory: Path, seconds: float, pace: float) -> int:
    from bot.world import World, WorldServer
    from bot.world.story import DESK, FEED, GROUP, MARKET, OFFICE, RELAY, beats, begin, play

    world = World(session.clock)
    begin(world)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(WorldServer(world))
        sides = {OFFICE: "junta", GROUP: "resistance", RELAY: "resistance", DESK: "press", MARKET: "resistance"}
        sources = "\n".join(
            _SOURCE.format(name=name, url=server.base_url, side=side, family=GROUP if name == RELAY else name)
            for name, side in sides.items()
        )
        config = directory / "config.toml"
        words = _CONFIG.format(url=server.base_url, sources=sources, feed=FEED, office=OFFICE)
        config.write_text(words, encoding="utf-8")
        in_use = stack.enter_context(config.open(encoding="utf-8"))
        fcntl.flock(in_use, fcntl.LOCK_SH)  # a demo beside this one does not take it for an old world
        say(session, f"A small world is served at {server.base_url}: {', '.join(f'/s/{name}' for name in sides)}.")
        say(session, f"The daemon watches it for {seconds / pace:.0f} seconds with {config}.")
        say(session, "Older posts are archived silently; new ones alert:")
        colour = [] if session.colour else ["--no-color"]
        daemon = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "--config", str(config), "--data-dir", str(directory), *colour, "run",
            "--stop-with-stdin", stdin=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            return await _watch(world, daemon, play(world, beats(), pace=pace), seconds / pace)
        finally:
            if daemon.returncode is None:
                daemon.kill()
                await daemon.wait()


async def _watch(
    world: "World",
    daemon: asyncio.subprocess.Process,
    story: "Coroutine[Any, Any, None]",
    seconds: float,
) -> int:
    """Let the story happen once first contact is made; stop the daemon in order at the end, or at Ctrl-C."""
    stop, signals = asyncio.Event(), set[int]()

    def note(number: int) -> None:
        signals.add(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, note, number)
    ended = asyncio.create_task(daemon.wait())
    stopped = asyncio.create_task(stop.wait())
    met = asyncio.create_task(_wait_for_first_contact(world))
    telling: asyncio.Task[None] | None = None
    try:
        await asyncio.wait({ended, stopped, met}, return_when=asyncio.FIRST_COMPLETED)
        telling = asyncio.create_task(story)
        await asyncio.wait({ended, stopped}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            return ended.result()
        assert daemon.stdin is not None
        daemon.stdin.close()  # it stops by that, as it does if this process is killed
        await ended
        return 130 if signal.SIGINT in signals else ended.result()
    finally:
        stopped.cancel()
        met.cancel()
        if telling is None:
            story.close()
        else:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)


async def _wait_for_first_contact(world: "World") -> None:
    """Every channel has been looked at twice: first contact is over, so that what happens now can alert."""
    while any(world.requests(handle) < 2 for handle in world.handles()):  # noqa: ASYNC110 - it counts, it rings no bell
        await asyncio.sleep(0.1)


def _remove_old_worlds() -> None:
    """Remove what demos of this user have left; a demo that is still running keeps its own."""
    from bot.daemon.lock import holder

    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / "config.toml").open(encoding="utf-8") as config:
                fcntl.flock(config, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if config.readline() == _CONFIG.partition("\n")[0] + "\n" and holder(folder) is None:
                    shutil.rmtree(folder)


def _show_digest(session: Session, directory: Path) -> None:
    """The head of what `alerts preview` shows: the digest that comes in the morning."""
    command = (sys.executable, "-m", "bot", "--config", str(directory / "config.toml"), "--data-dir", str(directory))
    shown = subprocess.run(  # noqa: S603  our own
        [*command, "alerts", "preview", "terminal"], capture_output=True, text=True, timeout=60, check=False
    )
    if shown.returncode == 0:
        write_line(
            session,
            style(session, "At 08:00 a digest sums it up. So far it begins so (`alerts preview terminal`):", "bold"),
        )
        write_line(session)
        write_line(session, shown.stdout.partition("\n\n")[0].rstrip())


def _suggest_commands(session: Session, directory: Path) -> None:
    """Commands that work when they are pasted."""
    program = Path(sys.argv[0])
    name = "communique" if program.name == "communique" else f"{sys.executable} -m bot"
    if program.name == "communique" and program.parent.name == "bin":
        beside = program.absolute()
        name = str(beside.relative_to(Path.cwd())) if beside.is_relative_to(Path.cwd()) else str(beside)
    start = f"{name} --config {shlex.quote(str(directory / 'config.toml'))}"
    if session.environment.data_dir:  # which would beat the [storage] dir of that file
        start += f" --data-dir {shlex.quote(str(directory))}"
    write_line(session)
    write_line(session, style(session, "Everything it saw is in the archive. Try:", "bold"))
    for words in (
        "search '\"regional command\"'",
        "search တိုင်းစစ်ဌာနချုပ် --json",
        "search has:voice",
        "show spokesman_office/20 --history",
        "events show hill_rangers_info/22",
        "alerts list",
        "stats",
        "status",
    ):
        write_line(session, f"  {start} {words}")
    write_line(session)
    write_line(session, f"To watch channels of your own: {name} init")
    write_line(session)
    write_line(session, style(session, "Or read this archive in a browser, at the address that this prints:", "bold"))
    if not is_installed():
        write_line(session, f"  {shlex.quote(sys.executable)} -m pip install {shlex.quote(EXTRA)}   # first, once")
    write_line(session, f"  {start} serve")
