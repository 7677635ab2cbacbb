"""Every command in the README works as it stands there."""

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
from contextlib import suppress
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from bot.world import World, run_in_thread
from bot.world.story import begin
from tests.desk import Desk
from tests.integration.scene import LOOPBACK

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RULE = """
[[rules]]
name = "regional-command"
query = '"regional command"'
targets = ["terminal"]
[[targets]]
name = "terminal"
kind = "console"
[[engines]]
name = "ears"
kind = "program"
program = ["true"]
"""
SOURCE = """
[[sources]]
name = "{name}"
kind = "telegram_web"
channel = "{name}"
base_url = "{url}"
"""


def commands() -> list[str]:
    """Every `communique …` of the README, in its order, with the placeholders filled in."""
    quoted = re.findall(r"`(communique [^`]+)`", README)
    typed = re.findall(r"^\$ (communique .+)$", README, re.MULTILINE)
    filled = [one.replace("QUERY", "has:photo").replace("POST", "spokesman_office/5") for one in quoted + typed]
    return list(dict.fromkeys(one.replace("ID", "1") for one in filled))


def test_every_command_of_the_readme_runs(desk: Desk) -> None:
    world = World()
    begin(world)
    with run_in_thread(world) as url:
        handles = ("spokesman_office", "hill_rangers_info", "shan_hills_desk")
        desk.write(LOOPBACK + RULE + "".join(SOURCE.format(name=name, url=url) for name in handles))
        desk.run("run", "--once")
        seen: list[str] = []
        for one in commands():
            words = shlex.split(one)[1:]
            if words == ["run"]:
                continue  # the daemon, which test_daemon starts and stops
            if words[0] == "init":
                words = [*words, f"desk {len(seen)}"]  # it writes over nothing, so each gets a place of its own
            code = 1 if words[0] == "status" and "--health" in words else 0
            desk.run(*words, code=code)
            seen.append(words[0])
    assert {"run", "config", "status", "search", "show", "stats", "alerts", "doctor"} <= set(seen)


def test_every_make_target_of_the_readme_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z-]+)\b", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 150


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, str, str]:
    """The demo, told once for all that looks at it."""
    desk = Desk(tmp_path_factory.mktemp("demo"))
    done = desk.run("demo")
    return desk, done.stdout, done.stderr


def test_the_demo_alerts_on_every_beat_of_its_story(told: tuple[Desk, str, str]) -> None:
    _, out, err = told
    assert "Traceback" not in out + err
    for passage in (
        "The «regional command» at Taungkyar is in our hands",
        "voice-of-the-spokesman · spokesman_office",
        "Contact with the «regional command» at Taungkyar has been lost",
        "«north-eastern command»",
        "«တိုင်းစစ်ဌာနချုပ်»",
        "EDITED regional-command",
        "DELETED regional-command",
    ):
        assert passage in out, passage
    assert "faces hill_rangers_info (resistance), posted " in out
    assert out.count("\nThe «regional command» at Taungkyar is in our hands") == 1, "its copies ring no second time"
    assert "At 08:00 a digest sums it up. So far it begins so (`alerts preview terminal`):\n\ndigest: " in out
    assert "copied most\n3 copies in 3 channels of 2 families: hill_rangers_info, The regional command" in out
    assert " UTC = " in out
    assert "Asia/Yangon" in out


def without_numbers(text: str) -> str:
    """Times, ports and ids differ from run to run; nothing else does."""
    return re.sub(r"\d+", "0", text).strip()


def test_the_alerts_of_the_readme_look_as_the_demo_prints_them(told: tuple[Desk, str, str]) -> None:
    shown = re.findall(r"^```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert len(shown) >= 2
    printed = without_numbers(told[1])
    for alert in shown:
        assert without_numbers(alert) in printed


def test_the_event_and_the_alert_of_the_page_about_events_look_as_the_demo_shows_them(
    told: tuple[Desk, str, str],
) -> None:
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    alert, shown = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert without_numbers(alert) in without_numbers(told[1])
    command, _, event = shown.removeprefix("$ communique ").partition("\n")
    seen = on_terminal(told[0], *shlex.split(command), columns=110)

    def lines(text: str) -> list[str]:  # copies that come at almost the same time may change places
        return sorted(re.sub(" +", " ", without_numbers(line)) for line in text.splitlines())

    assert lines(seen) == lines(event)


def on_terminal(desk: Desk, *words: str, columns: int) -> str:
    """What a command shows in a terminal so wide, and long enough that no pager is needed."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 500, columns, 0, 0))
    config = str(desk.directory / "data" / "config.toml")  # of the demo
    command = [*desk.command("--no-color", "--config", config), *words]
    with subprocess.Popen(command, cwd=desk.directory, stdin=slave, stdout=slave, env=desk.environment()) as program:
        os.close(slave)
        seen = b""
        with suppress(OSError):  # at its end, as Linux says it
            while piece := os.read(master, 1 << 16):
                seen += piece
        assert program.wait(60) == 0
    os.close(master)
    return seen.decode().replace("\r\n", "\n")


def test_the_search_of_the_readme_answers_as_it_stands_there(told: tuple[Desk, str, str]) -> None:
    [shown] = re.findall(r"^```console\n\$ communique (.+?)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    answer = told[0].run(*shlex.split(shown[0]))
    assert without_numbers(shown[1]) == without_numbers(answer.stdout)


def test_what_the_demo_invites_to_works_when_it_is_pasted(told: tuple[Desk, str, str]) -> None:
    desk, out, _ = told
    invited = [shlex.split(one) for one in out.splitlines() if one.startswith("  ") and " --config " in one]
    assert invited.pop()[-1] == "serve"  # the next test
    assert len(invited) >= 5
    with_rules = [*invited[0][: invited[0].index("--config") + 2], "rules", "list"]
    for words in (*invited, with_rules):
        answer = subprocess.run(
            words, env=desk.environment(), cwd=desk.directory, check=True, capture_output=True, text=True, timeout=120
        )
        assert answer.stdout.strip(), words
        assert not answer.stderr, words
    assert "regional-command" in answer.stdout, "the config of the demo goes along"


def test_the_last_line_of_the_demo_opens_its_archive_in_the_reading_room(told: tuple[Desk, str, str]) -> None:
    desk, out, _ = told
    [line] = [shlex.split(one) for one in out.splitlines() if one.endswith(" serve")]
    words = [*line, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        words, env=desk.environment(), cwd=desk.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout
        try:
            browser = build_opener(HTTPCookieProcessor())
            with browser.open(serving.stdout.readline().strip(), timeout=60) as answer:
                assert "hill_rangers_info" in answer.read().decode()
        finally:
            serving.terminate()
    assert serving.returncode == 0
