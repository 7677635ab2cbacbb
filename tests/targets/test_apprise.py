import asyncio
import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.alerts.targets.apprise.child import escape_markdown
from bot.alerts.targets.apprise.target import Apprise, Settings, literal
from bot.contracts.message import Attachment, Message
from bot.errors import Later, Never


def test_the_words_arrive_at_the_service(keys: Any, around: Any, sink: Any) -> None:
    asyncio.run(around.send(keys["apprise"], plain="fire {{ app_id }} :smile: \\n &lt;b&gt;"))
    assert sink.received[0][1]["message"] == "fire {{ app_id }} :smile: \\n &lt;b&gt;"


@pytest.fixture
def voice(tmp_path: Path) -> Attachment:
    path = tmp_path / ("ab" * 32)
    path.write_bytes(b"OggS and so on")
    path.chmod(0o400)
    return Attachment("voice", path, "spokesman-7.ogg", "audio/ogg", 14)


def test_a_file_goes_along_under_our_name_where_the_service_takes_files(
    keys: Any, around: Any, sink: Any, voice: Attachment
) -> None:
    asyncio.run(around.send(keys["apprise"], attachment=voice))
    [file] = sink.received[0][1]["attachments"]
    assert (file["filename"], file["mimetype"]) == ("spokesman-7.ogg", "audio/ogg")
    assert base64.b64decode(file["base64"]) == b"OggS and so on"


def test_words_go_without_a_file_that_cannot_go(keys: Any, around: Any, sink: Any, voice: Attachment) -> None:
    voice.path.unlink()
    asyncio.run(around.send(keys["apprise"], attachment=voice))
    [(_, told)] = sink.received
    assert told["message"] == "rule fire · spokesman"
    assert told["attachments"] == []


def test_a_service_that_refuses_is_tried_later_and_named_by_its_number(keys: Any, around: Any, sink: Any) -> None:
    sink.status = 422
    with pytest.raises(Later, match="error 422"):
        asyncio.run(around.send(keys["apprise"]))


@pytest.mark.parametrize("status", [401, 403])
def test_a_service_that_lets_nobody_in_suspends_the_target(status: int, keys: Any, around: Any, sink: Any) -> None:
    sink.status = status
    with pytest.raises(Never, match=rf"refuses access \(error {status}\).*`communique alerts test desk`"):
        asyncio.run(around.send(keys["apprise"]))


@pytest.mark.parametrize("url", ["nosuch://x", "json://127.0.0.1:9 json://127.0.0.1:8", "", "not a url"])
def test_a_url_that_is_not_one_service_parks_the_target(url: str, around: Any) -> None:
    with pytest.raises(Never, match="cannot read the url"):
        asyncio.run(around.send({"kind": "apprise", "url": url}))


def test_a_missing_package_is_one_sentence_with_the_line_that_installs_it(message: Message) -> None:
    settings = Settings(name="desk", kind="apprise", url="json://127.0.0.1:9")
    bare = Apprise(settings, proxied=False, python=(sys.executable, "-I", "-S"))  # a Python without installed packages
    with pytest.raises(Never, match=r"pip install 'communique\[apprise\]'"):
        asyncio.run(bare.send(message))


STOPS = ("/bin/sh", "-c", 'kill -STOP $$; exec "$0" "$@"', sys.executable, "-I")


def test_a_process_that_gets_nothing_of_the_processor_has_surely_sent_nothing(
    keys: Any, sink: Any, message: Message
) -> None:
    stopped = Apprise(Settings(name="desk", **keys["apprise"]), proxied=False, python=STOPS, deadline_s=2)
    with pytest.raises(Later, match="this machine was too busy to send it within 2 s") as later:
        asyncio.run(stopped.send(message))
    assert not later.value.unsure
    assert sink.received == []


@pytest.mark.parametrize(
    ("begins", "unsure"), [("echo; exec sleep 600", True), ("echo; kill -9 $$", True), ("kill -9 $$", False)]
)
def test_only_what_had_begun_to_send_may_have_sent_it(message: Message, begins: str, unsure: bool) -> None:
    settings = Settings(name="desk", kind="apprise", url="json://127.0.0.1:9")
    ended = Apprise(settings, proxied=False, python=("/bin/sh", "-c", begins), deadline_s=5)
    with pytest.raises(Later, match=r"no answer within 5 s|ended with -9") as later:
        asyncio.run(ended.send(message))
    assert later.value.unsure == unsure


def test_nothing_leaves_past_a_proxy(keys: Any, around: Any, sink: Any) -> None:
    around.proxied = True
    with pytest.raises(Never, match="proxy"):
        asyncio.run(around.send(keys["apprise"]))
    assert sink.received == []


def test_bad_input_16_no_mention_pings_anybody() -> None:
    shown = literal("@everyone <!channel> <@U123> @room @desk")
    assert not any(ping in shown for ping in ("@everyone", "<!channel", "<@", "@room", "@desk", "@U123"))
    assert shown.replace("\u2060", "") == "@everyone <!channel> <@U123> @room @desk"


def test_bad_input_17_markdown_stays_literal() -> None:
    shown = literal("[x](http://evil.example) `rm`")
    assert "](" not in shown
    assert "`" not in shown


def test_the_posts_own_address_stays_whole_and_others_do_not() -> None:
    link = "https://social.example/@office/12"
    shown = literal(f"see https://evil.example/@x and\n{link} · alert 7", link)
    assert shown.endswith(f"\n{link} · alert 7")
    assert "https://evil" not in shown


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ("**bold** _it_ ~~gone~~ ||spoiler||", r"\*\*bold\*\* \_it\_ \~\~gone\~\~ \|\|spoiler\|\|"),
        ("# head\n> quote\n- item\n 1. item\n2) item", "\\# head\n\\> quote\n\\- item\n 1\\. item\n2\\) item"),
        (r"a\*b :fire:", r"a\\\*b \:fire:"),
        ("three - dead, 3.5 km > 2", "three - dead, 3.5 km > 2"),
    ],
)
def test_bad_input_17_services_that_only_know_markdown_show_the_signs_of_it(words: str, sent: str) -> None:
    assert escape_markdown(words) == sent


def test_an_address_is_read_by_apprise_without_a_message(keys: Any, around: Any, sink: Any) -> None:
    assert "JSON" in asyncio.run(around.with_target(keys["apprise"], lambda target: target.check()))
    with pytest.raises(Never, match="cannot read the url"):
        asyncio.run(around.with_target({"kind": "apprise", "url": "nosuch://x"}, lambda target: target.check()))
    assert sink.received == []


PAGE = Path(__file__).parents[2] / "docs" / "targets.md"
ADDRESSES = re.findall(r"(?m)^\| [^|]+ \| `([a-z]+://[^`]+)` \|", PAGE.read_text(encoding="utf-8"))


def test_every_address_on_the_page_is_one_that_apprise_reads() -> None:
    asking = f"import json, sys; sys.path.insert(0, {str(PAGE.parents[1])!r})\n"
    asking += "from bot.alerts.targets.apprise.child import send\n"
    asking += "print(json.dumps([send(address, None, 5)['status'] for address in json.load(sys.stdin)]))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", asking], input=json.dumps(ADDRESSES), text=True, capture_output=True, timeout=120,
        check=True,
    )  # fmt: skip
    assert len(ADDRESSES) >= 6
    assert json.loads(done.stdout) == ["SUCCESS"] * len(ADDRESSES)


@pytest.mark.parametrize(
    ("start", "end", "status", "said"),
    [
        ("signal", "+95912345678/+95912345679", 201, {"message": "fire · the town _fell_"}),
        ("mmost", "3ccdd113474722377935511fc85d3dd4", 200, {"text": r"fire · the town \_fell\_"}),  # its Markdown
    ],
)
def test_services_that_can_run_here_get_the_words(
    start: str, end: str, status: int, said: dict[str, str], around: Any, sink: Any
) -> None:
    sink.status = status
    host = sink.url.removeprefix("http://").removesuffix("/hook")
    asyncio.run(around.send({"kind": "apprise", "url": f"{start}://{host}/{end}"}, plain="fire · the town _fell_"))
    [(_, body)] = sink.received
    assert said.items() <= body.items()
