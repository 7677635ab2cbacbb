"""Letters by IMAP: what a real server (Dovecot) shows, and what letters of strangers may look like."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import ValidationError

from bot import sources
from bot.clock import Clock
from bot.contracts.source import SourceTools
from bot.errors import Later, Never
from bot.foreign.repeated import part_quotes
from bot.http import Http, HttpRules
from bot.sources.mail.answers import encode_folder, read_items
from bot.sources.mail.reading import BrokenLetter, read_file, read_letter
from tests.certificates import Authority
from tests.certificates import authority as authority  # noqa: PLC0414 - a fixture is found by its name here
from tests.imap_server import ImapServer, imap_server
from tests.sources.loopback_server import NOW
from tests.sources.rounds import Rounds

T = TypeVar("T")
OFFICE = "press@ferry.example"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[ImapServer]:
    with imap_server(tmp_path_factory.mktemp("mailbox"), authority) as server:
        yield server


@pytest.fixture
def server(running: ImapServer) -> ImapServer:
    running.turn_to_new_folder()
    return running


def letter(number: int, words: str = "The ferry runs again.", sender: str = OFFICE, **more: str) -> EmailMessage:
    made = EmailMessage()
    made["From"] = sender
    made["Subject"] = more.get("subject", f"Statement {number}")
    made["Date"] = f"Mon, 30 Nov 2026 0{number % 10}:00:00 +0630"
    if more.get("id", "yes"):
        made["Message-ID"] = f"<{number}@ferry.example>"
    if "reply" in more:
        made["In-Reply-To"] = more["reply"]
    made.set_content(words)
    return made


def with_mailbox(server: ImapServer, work: Callable[[Rounds], Awaitable[T]], **keys: Any) -> T:
    async def go() -> T:
        rules = HttpRules(user_agent="communique-tests", private=frozenset({("localhost", server.port)}))
        http = Http(rules, Clock())
        tools = SourceTools(http=http, clock=Clock(now=lambda: NOW), directory=Path("/"))
        try:
            entry = {"name": "it", "from": [OFFICE], **server.keys(), **keys}
            settings = sources.settings_of("mail").model_validate(entry, context={"directory": Path("/")})
            return await work(Rounds(sources.build(settings, tools)))
        finally:
            await tools.aclose()
            await http.aclose()

    return asyncio.run(go())


def texts(posts: Any) -> list[str]:
    return [post.title for post in posts]


def test_only_letters_of_the_named_senders_come_oldest_first_and_nothing_is_changed(server: ImapServer) -> None:
    for number in range(1, 4):
        server.deliver(bytes(letter(number)))
    server.deliver(bytes(letter(4, sender='"press@ferry.example" <thief@elsewhere.example>')))
    server.deliver(bytes(letter(5, sender="Office <PRESS@Ferry.Example>")))

    async def look(rounds: Rounds) -> tuple[Any, Any]:
        return await rounds.round(), await rounds.round()

    first, second = with_mailbox(server, look)
    assert texts(first) == ["Statement 1", "Statement 2", "Statement 3", "Statement 5"]
    assert second == []
    assert server.flags() <= {"", "2,"}, "no letter is marked as seen"
    assert first[0].native_id == "1@ferry.example"
    assert first[0].author == OFFICE
    assert first[0].raw.data.replace(b"\r\n", b"\n") == bytes(letter(1)), "the whole letter, as it was received"


def test_the_first_contact_takes_as_many_as_are_wanted_and_later_letters_all_come(server: ImapServer) -> None:
    for number in range(30):
        server.deliver(bytes(letter(number)))

    async def look(rounds: Rounds) -> tuple[Any, Any]:
        first = await rounds.round()
        for number in range(30, 75):
            server.deliver(bytes(letter(number)))
            server.deliver(bytes(letter(1_000 + number, sender="other@ferry.example")))
        return first, await rounds.round()

    first, second = with_mailbox(server, look, backfill=7)
    assert texts(first) == [f"Statement {number}" for number in range(23, 30)]
    assert texts(second) == [f"Statement {number}" for number in range(30, 75)], "in rounds of twenty, none left out"


def test_a_folder_that_gets_new_numbers_brings_nothing_twice_and_misses_nothing(server: ImapServer) -> None:
    server.deliver(bytes(letter(1)))

    async def look(rounds: Rounds) -> tuple[Any, Any]:
        first = await rounds.round()
        server.deliver(bytes(letter(2)))
        server.renumber()
        second = await rounds.round()
        assert rounds.last.lasting, "what is read again is no edit"
        return first, second

    first, second = with_mailbox(server, look, backfill=0)
    assert texts(first) == []
    assert {post.native_id for post in second} == {"1@ferry.example", "2@ferry.example"}


def test_a_file_is_brought_whole_also_after_the_letter_got_another_number(server: ImapServer) -> None:
    with_file = letter(1)
    data = bytes(range(256)) * 500
    with_file.add_attachment(data, maintype="application", subtype="pdf", filename="ကြေညာချက် ၁၄.pdf")
    inner = letter(9, "Words of another letter.")
    with_file.add_attachment(inner)
    server.deliver(bytes(with_file))

    async def look(rounds: Rounds) -> tuple[Any, bytes]:
        posts = await rounds.round()
        assert rounds.last.quarantined == ()
        (post,) = posts
        server.renumber()
        brought = bytearray()
        source: Any = rounds.source
        assert source.carries(post.media[0].url)
        await source.carry(post.media[0].url, brought.extend, 1 << 20)
        with pytest.raises(Later, match="too large"):
            await source.carry(post.media[0].url, brought.extend, 1_000)
        return post, bytes(brought)

    post, brought = with_mailbox(server, look)
    assert [(file.kind, file.name, file.mime) for file in post.media] == [
        ("document", "ကြေညာချက် ၁၄.pdf", "application/pdf"),
        ("document", None, "message/rfc822"),
    ]
    assert brought == data
    assert "another letter" not in post.text


def test_a_folder_of_any_name_is_opened_and_a_missing_one_named(server: ImapServer) -> None:
    server.deliver(bytes(letter(1)), folder="&EBkQOBAP-")

    async def look(rounds: Rounds) -> Any:
        return await rounds.round()

    assert len(with_mailbox(server, look, folder="\u1019\u1038\u100f")) == 1
    with pytest.raises(Never, match="no folder Nowhere"):
        with_mailbox(server, look, folder="Nowhere")
    assert encode_folder("ဈ & x") == '"&EAg- &- x"'


def test_a_wrong_password_is_never_with_the_file_and_the_password_is_not_shown(server: ImapServer) -> None:
    async def look(rounds: Rounds) -> Any:
        (server.home / "password").write_text("another one")
        return await rounds.round()

    with pytest.raises(Never) as raised:
        with_mailbox(server, look)
    assert "refuses the login" in str(raised.value)
    assert str(server.home / "password") in raised.value.remedy
    assert "another one" not in str(raised.value)


def test_a_certificate_that_nobody_vouches_for_ends_it(server: ImapServer) -> None:
    async def look(rounds: Rounds) -> Any:
        return await rounds.round()

    with pytest.raises(Never) as raised:
        with_mailbox(server, look, ca_file=None)
    assert "ca_file" in raised.value.remedy


def test_the_servers_word_rings_at_once(server: ImapServer) -> None:
    async def look(rounds: Rounds) -> int:
        server.deliver(bytes(letter(0)))
        rung = asyncio.Event()
        source: Any = rounds.source
        listening = asyncio.create_task(source.listen(rung.set))
        try:
            async with asyncio.timeout(120):
                await rung.wait()  # the connection is there
                for number in range(1, 60):
                    rung.clear()
                    await asyncio.to_thread(server.deliver, bytes(letter(number)))
                    try:
                        await asyncio.wait_for(rung.wait(), 2)
                    except TimeoutError:
                        continue
                    return number
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        return 0

    assert with_mailbox(server, look) > 0


# What letters look like ---------------------------------------------------------------------------------------------


def test_what_a_letter_repeats_is_kept_apart_and_what_it_only_hands_on_is_its_own() -> None:
    answer = "We hold the ferry.\n\nOn Sunday the office wrote:\n> The ferry is ours.\n> Believe us."
    assert part_quotes(answer) == (
        "We hold the ferry.",
        "On Sunday the office wrote:\n> The ferry is ours.\n> Believe us.",
    )
    assert part_quotes("> The ferry is ours.") == ("> The ferry is ours.", "")
    old = "__________________________________\nFrom: A <a@b.example>\nSent: today\nTo: x\nSubject: y\n\nOld words"
    assert part_quotes(f"New words\n{old}") == ("New words", old)
    assert part_quotes("Seats: 40\nBoats: 2\nCrew: 6\nThe end") == ("Seats: 40\nBoats: 2\nCrew: 6\nThe end", "")


@pytest.mark.parametrize(
    "old",
    [
        "On Mon, Nov 30, 2026 at 10:00 AM Jane Doe <jane@\nferry.example> wrote:\n> old",
        "On 30 Nov 2026, at 10:00, Jane Doe <jane@ferry.example> wrote:\n\n> old",
        "Le lun. 30 nov. 2026 à 10:00, Jeanne <j@ferry.example> a\nécrit :\n> old",
        "Am 30.11.26 um 10:00 schrieb Jane Doe:\n> old",
        "пн, 30 нояб. 2026 г. в 10:00, Анна <a@ferry.example>:\n> old",
        "Анна писала 30.11.2026 10:00:\n> old",
        "Jane <j@ferry.example> 于2026年11月30日周一 10:00写道：\n> old",
        "၂၀၂၆၊ နိုဝင်ဘာ ၃၀၊ တနင်္လာ ၁၀:၀၀ တွင် မေ <m@ferry.example> က ရေးခဲ့သည်-\n> old",
        "في الاثنين، ٣٠ نوفمبر ٢٠٢٦ ١٠:٠٠ كتب <a@ferry.example>:\n> old",
        "-----Ursprüngliche Nachricht-----\nVon: Jane <j@ferry.example>\nGesendet: 30.11.2026 10:00\nAn: x\n\nold",
        "-------- Message d'origine --------\nDe : j@ferry.example\nDate : 30/11/2026 10:00\n\nold",
        "------------------ 原始邮件 ------------------\n发件人：张三 <z@ferry.example>\n发送时间：2026年11月30日 10:00\n\nold",
        "From: Jane Doe\nSent: Monday, November 30, 2026 10:00 AM\nTo: Office\nSubject: Ferry\n\nold",
        "*From:* Jane Doe <j@ferry.example>\n*Sent:* Monday 10:00\n*To:* Office\n\nold",
        "От: Анна <a@ferry.example>\nОтправлено: 30 ноября 2026 г. 10:00\nКому: x\nТема: y\n\nold",
        "发件人: 张三 <z@ferry.example>\n发送时间: 2026年11月30日 10:00\n收件人: x\n主题: y\n\nold",
    ],
)
def test_older_words_are_kept_apart_in_the_ways_of_many_programs_and_languages(old: str) -> None:
    assert part_quotes(f"We hold the ferry.\nNobody leaves.\n\n{old}") == ("We hold the ferry.\nNobody leaves.", old)


@pytest.mark.parametrize(
    "words",
    [
        "Contact:\n\nPress: press@ferry.example\nPhone: 12 34\nWeb: https://ferry.example\n\nThe ferry is closed.",
        "---\nThe ferry is closed.\n---\nThe bridge is open.",
        "From: the office\nThe ferry is closed at 10:00.",
        "Times: 10:00\nPlace: pier 2\nSeats: 40\nWrite to a@ferry.example",
    ],
)
def test_lists_of_a_statement_are_its_own_words(words: str) -> None:
    assert part_quotes(words) == (words, "")


def test_the_line_above_a_quotation_in_a_page_belongs_to_it() -> None:
    made = EmailMessage()
    made["From"] = OFFICE
    page = "<div>We hold.</div><div>On 30 Nov 2026, at 10:00, J &lt;j@a.example&gt; wrote:</div>"
    made.set_content(f'{page}<blockquote type="cite">it is ours</blockquote>', subtype="html")
    assert read_letter(bytes(made))["text"] == "We hold."


def test_a_page_gives_its_words_without_the_quotation_and_its_links() -> None:
    made = EmailMessage()
    made["From"] = OFFICE
    made.set_content(
        '<p>We hold <a href="https://ferry.example/14">the ferry</a>.</p><script>evil()</script>'
        '<div class="gmail_quote">They wrote: <blockquote class="gmail_quote">it is ours</blockquote></div>',
        subtype="html",
    )
    found = read_letter(bytes(made))
    assert found["text"] == "We hold the ferry."
    assert found["quoted"] == "They wrote:\n\nit is ours"
    assert found["links"] == [("the ferry", "https://ferry.example/14")]


def test_a_page_beside_its_plain_form_says_nothing_twice_and_one_of_its_own_is_read() -> None:
    both = letter(1, "We hold the ferry.")
    both.add_alternative("<p>We hold <b>the ferry</b>.</p>", subtype="html")
    assert read_letter(bytes(both))["text"] == "We hold the ferry."
    mixed = (
        b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\nContent-Type: text/plain\r\n\r\nOne.\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>Two.</p>\r\n--x--\r\n"
    )
    assert read_letter(mixed)["text"] == "One.\n\nTwo."


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        ("Content-Type: text/plain; charset=windows-1251", "Паром".encode("cp1251"), "Паром"),
        ("Content-Type: text/plain; charset=nonsense", b"ferry ok", "ferry ok"),
        ("Content-Type: text/plain; charset=us-ascii", "မြို့".encode(), "မြို့"),
        ("Content-Type: text/plain; format=flowed", b"We hold \nthe ferry.\n\nEnd", "We hold the ferry.\n\nEnd"),
        ("Content-Transfer-Encoding: base64", b"!!!not base64!!!", ""),
        ("Content-Transfer-Encoding: quoted-printable", b"f=C3=A9rry =\nx =ZZ", "férry x =ZZ"),
    ],
)
def test_words_come_in_whatever_form_they_were_sent(head: str, body: bytes, words: str) -> None:
    found = read_letter(b"From: a@b.example\r\n" + head.encode() + b"\r\n\r\n" + body)
    assert found["text"].startswith(words)


def test_headers_are_one_line_whatever_they_hold() -> None:
    found = read_letter(
        b"From: =?utf-8?B?0J/QsNGA0L7QvA==?= <press@ferry.example>\r\n"
        b"Subject: =?utf-8?Q?One=0ATwo?= =?koi8-r?B?8MHSz80=?=\r\n\tfolded\r\nMessage-ID: <a b c>\r\n\r\nx"
    )
    assert found["title"] == "One TwoПаром folded"
    assert found["author"] == "Паром <press@ferry.example>"
    assert found["sender"] == ["press@ferry.example"]
    assert found["id"].startswith("sha256:"), "an id with blanks is none"


def test_only_the_receiving_servers_word_on_the_sender_counts() -> None:
    above = b"Authentication-Results: mx.desk.example; dkim=fail\r\n"
    below = b"Authentication-Results: mx.desk.example; dkim=pass\r\n"
    head = above + b"Received: from b\r\nReceived: from a\r\n" + below + b"From: a@b.example\r\n\r\nx"
    assert read_letter(head)["verdict"] == "mx.desk.example; dkim=fail"
    assert read_letter(head.removeprefix(above))["verdict"] == ""


def nested(depth: int) -> bytes:
    head = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (one, one) for one in range(depth)
    )
    return b"From: a@b.example\r\n" + head + b"Content-Type: text/plain\r\n\r\nThe ferry.\r\n"


def test_parts_within_parts_are_read_to_a_hundred_and_then_refused() -> None:
    assert read_letter(nested(90))["text"] == "The ferry."
    for depth in (150, 5_000):
        with pytest.raises((BrokenLetter, RecursionError)):
            read_letter(nested(depth))


def test_ten_thousand_headers_and_broken_endings_are_read() -> None:
    many = b"".join(b"X-%d: y\r\n" % one for one in range(10_000))
    assert read_letter(many + b"From: a@b.example\r\n\r\nThe ferry.")["text"] == "The ferry."
    for cut in range(0, 400, 7):
        data = bytes(letter(1))[:cut]
        try:
            assert "text" in read_letter(data)
        except BrokenLetter:
            assert cut < 10
    with pytest.raises(BrokenLetter):
        read_file(bytes(letter(1)), 3)


@pytest.mark.parametrize("line", [b"* 1 FETCH (", b'* 1 FETCH ("x', b"* )", b"(" * 100, b"* 1 FETCH (BODY[x {3}"])
def test_what_is_no_answer_of_a_mail_server_is_said_to_be_none(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_items([line])


@pytest.mark.parametrize(
    "keys",
    [
        {"server": "imap://mail.example.org"},
        {"server": "imaps://desk@mail.example.org"},
        {"server": "imaps://mail.example.org/INBOX"},
        {"from": []},
        {"from": ["the office"]},
        {"recheck": ["1h"]},
    ],
)
def test_a_wrong_key_is_refused_with_the_right_form(keys: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "p").touch(mode=0o600)
    (tmp_path / "p").write_text("secret")
    entry = {
        "name": "it",
        "kind": "mail",
        "server": "imaps://mail.example.org",
        "user": "desk",
        "password_file": str(tmp_path / "p"),
        "from": ["@ferry.example"],
    }
    good = sources.settings_of("mail").model_validate(entry, context={"directory": tmp_path})
    assert good.addresses() == ("imaps://mail.example.org:993",)
    folders = ("inbox", "INBOX", "Press", "press")
    read = [good.model_copy(update={"folder": folder}).reads() for folder in folders]
    assert read[0] == read[1] != read[2] != read[3]
    with pytest.raises(ValidationError):
        sources.settings_of("mail").model_validate(entry | keys, context={"directory": tmp_path})


def test_a_strangers_address_is_not_wanted_whatever_it_is_made_of_and_stops_nothing(server: ImapServer) -> None:
    server.deliver(bytes(letter(1)))
    server.deliver(b"From: " + b"(" * 9_000 + b"press@ferry.example\r\nMessage-ID: <x@y>\r\n\r\nwords\r\n")
    for shown in (b"press@ferry.example <thief@elsewhere.example>", b"thief@elsewhere.example, press@ferry.example"):
        server.deliver(b"From: " + shown + b"\r\nMessage-ID: <z@y>\r\nSubject: forged\r\n\r\nwords\r\n")
    server.deliver(bytes(letter(2)))
    assert texts(with_mailbox(server, lambda rounds: rounds.round())) == ["Statement 1", "Statement 2"]
