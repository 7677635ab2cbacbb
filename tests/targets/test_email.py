import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.alerts import targets
from bot.alerts.targets.email.letter import compose, subject
from bot.alerts.targets.email.mailboxes import read_mailbox
from bot.alerts.targets.email.target import Mail
from bot.clock import SECOND
from bot.contracts.message import Attachment, Message
from bot.contracts.target import MessageRefused, PartlySent
from bot.errors import Later, Never
from tests.certificates import Authority
from tests.mail_server import Letter, MailServer, mail_server
from tests.talks import Talks

ANN, BEN = "ann@desk.example", "ben@desk.example"


@pytest.fixture
def email(keys: Any) -> dict[str, Any]:
    found: dict[str, Any] = keys["email"]
    return found


def test_a_letter_says_the_same_plain_and_as_html_and_answers_nobody(email: Any, around: Any, mail: MailServer) -> None:
    plain = "fire · spokesman\nတပ်စခန်း <b> & ကျသွား"
    text = "<b>fire</b> · spokesman\nတပ်စခန်း &lt;b&gt; &amp; ကျသွား"
    receipt = asyncio.run(around.send(email, plain=plain, text=text, headline="တပ်စခန်း"))
    [letter] = mail.letters
    assert (letter.recipients, letter.sender) == ([ANN, BEN], "alerts@desk.example")
    assert letter.part("plain").splitlines() == plain.splitlines()
    assert '<div dir="auto">တပ်စခန်း &lt;b&gt; &amp; ကျသွား</div>' in letter.part("html")
    assert "http" not in letter.part("html")
    headers = letter.read
    assert headers["subject"] == "fire · spokesman: တပ်စခန်း"
    assert headers["message-id"] == json.loads(receipt)["message_id"] == "<msg_1@desk.example>"
    assert headers["auto-submitted"] == "auto-generated"
    assert headers["list-id"] == "<desk.communique.desk.example>"
    assert (headers["in-reply-to"], headers["references"]) == (None, None)


def test_a_line_that_is_a_dot_ends_no_letter(email: Any, around: Any, mail: MailServer) -> None:
    plain = "fire\n.\n..two\n. three\nlast"
    asyncio.run(around.send(email, plain=plain, text=plain))
    assert mail.letters[0].part("plain").splitlines() == plain.splitlines()
    assert "last" in mail.letters[0].part("html")


def test_a_later_letter_about_the_event_is_in_the_thread_of_the_first(
    email: Any, around: Any, mail: MailServer
) -> None:
    first = asyncio.run(around.send(email))
    asyncio.run(around.send(email, id="msg_2", reply_to=first))
    headers = mail.letters[1].read
    assert headers["in-reply-to"] == headers["references"] == "<msg_1@desk.example>"
    assert headers["message-id"] == "<msg_2@desk.example>"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_the_login_goes_over_tls_with_a_certificate_that_holds(
    tls: str, around: Any, authority: Authority, email: Any
) -> None:
    keys = email | {"host": "localhost", "tls": tls, "user": "alerts", "ca_file": str(authority.ca_file)}
    with mail_server(authority.server("localhost"), implicit=tls == "implicit") as mail:
        keys |= {"port": mail.port, "password_file": around.secret("password", "s3cret\n")}
        asyncio.run(around.send(keys))
        [letter] = mail.letters
        assert (letter.encrypted, letter.user) == (True, "alerts")
        with pytest.raises(Never, match="has no valid certificate") as problem:
            asyncio.run(around.send(keys | {"ca_file": None}))
        assert "ca_file" in problem.value.remedy
        mail.password = "another"
        with pytest.raises(Never, match="refuses the login") as problem:
            asyncio.run(around.send(keys))
        assert "password" in problem.value.remedy
        assert len(mail.letters) == 1


def test_a_certificate_for_another_name_gets_nothing(around: Any, authority: Authority, email: Any) -> None:
    with mail_server(authority.server("other.example")) as mail:
        keys = email | {"host": "localhost", "port": mail.port, "tls": "starttls", "ca_file": str(authority.ca_file)}
        with pytest.raises(Never, match="has no valid certificate"):
            asyncio.run(around.send(keys))
        assert mail.asked == []


def test_a_port_of_the_other_kind_of_encryption_is_named_as_such(
    around: Any, authority: Authority, email: Any, mail: MailServer, message: Message
) -> None:
    async def send(target: Any) -> None:
        await Mail(target.settings, target._http, target._clock, deadlines_s=(3, 3)).send(message)

    keys = email | {"host": "localhost", "ca_file": str(authority.ca_file)}
    with mail_server(authority.server("localhost"), implicit=True) as encrypted:
        for tls, port, other in (("implicit", mail.port, "starttls"), ("starttls", encrypted.port, "implicit")):
            with pytest.raises(Later, match=f'perhaps this port expects tls = "{other}"') as problem:
                asyncio.run(around.with_target(keys | {"tls": tls, "port": port}, send))
            assert not problem.value.unsure
    assert mail.asked == encrypted.asked == []


def test_a_server_without_encryption_gets_nothing(email: Any, around: Any, mail: MailServer) -> None:
    with pytest.raises(Never, match="offers no encryption"):
        asyncio.run(around.send(email | {"tls": "starttls"}))
    assert mail.asked == []


@pytest.mark.parametrize(("answers", "unsure"), [(0, False), (5, False), (6, True)])
def test_a_server_that_falls_silent_ends_the_letter_and_only_its_last_line_makes_it_doubtful(
    answers: int, unsure: bool, email: Any, around: Any, message: Message
) -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (b"220 mail", b"250 mail", b"250 sender", b"250 ann", b"250 ben", b"354 go")[:answers]:
            writer.write(answer + b"\r\n")
            await reader.readline()
        await reader.read()

    async def send(target: Any) -> None:
        short = Mail(target.settings, target._http, target._clock, deadlines_s=(0.5, 0.5))
        with pytest.raises(Later, match=r"did not finish within 0\.5 s") as problem:
            await short.send(message)
        assert problem.value.unsure == unsure

    async def meet() -> None:
        talks = Talks()
        server = await asyncio.start_server(
            lambda reader, writer: talks.begin(slow(reader, writer), writer), "127.0.0.1", 0
        )
        try:
            await around.with_target(email | {"port": server.sockets[0].getsockname()[1]}, send)
        finally:
            await talks.end(server)

    asyncio.run(meet())


def test_words_ahead_of_the_encryption_are_not_believed(around: Any, email: Any) -> None:
    """A man in the middle would slip answers in before TLS, to have them taken for the server's."""

    async def inject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        await reader.readline()
        writer.write(b"250-mail\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go\r\n250-mail\r\n250 AUTH PLAIN\r\n")
        await reader.read()

    with pytest.raises(Later, match="ahead of the encryption"):
        asyncio.run(_to(inject, around, email | {"host": "localhost", "tls": "starttls"}))


async def _to(talk: Any, around: Any, keys: Any) -> None:
    talks = Talks()
    server = await asyncio.start_server(
        lambda reader, writer: talks.begin(talk(reader, writer), writer), "127.0.0.1", 0
    )
    try:
        await around.send(keys | {"port": server.sockets[0].getsockname()[1]})
    finally:
        await talks.end(server)


def test_one_who_is_refused_stops_no_other(email: Any, around: Any, mail: MailServer) -> None:
    mail.answers[BEN] = "550 5.1.1 no such user"
    with pytest.raises(PartlySent, match=r"refuses mail to ben@desk\.example \(550\)") as problem:
        asyncio.run(around.send(email))
    assert problem.value.over
    assert [letter.recipients for letter in mail.letters] == [[ANN]]
    assert json.loads(problem.value.receipt)["message_id"] == "<msg_1@desk.example>"


def test_one_who_is_put_off_gets_the_letter_later_alone(email: Any, around: Any, mail: MailServer) -> None:
    mail.answers[BEN] = "451 4.7.1 greylisted, try again in 300 seconds"
    with pytest.raises(PartlySent, match="for now") as problem:
        asyncio.run(around.send(email))
    assert not problem.value.over
    assert problem.value.retry_at == around.now + 300 * SECOND
    assert len(problem.value.receipt) <= 1000
    mail.answers.clear()
    asyncio.run(around.send(email, progress=problem.value.receipt))
    assert [letter.recipients for letter in mail.letters] == [[ANN], [BEN]]
    assert mail.letters[0].read["message-id"] == mail.letters[1].read["message-id"]
    assert mail.letters[0].read["to"] == mail.letters[1].read["to"]


def test_a_receipt_has_room_for_fifty_recipients(email: Any, around: Any, mail: MailServer) -> None:
    everybody = [f"{'x' * 50}{number}@desk.example" for number in range(50)]
    mail.answers[everybody[0]] = "451 later"
    with pytest.raises(PartlySent) as problem:
        asyncio.run(around.send(email | {"to": everybody}))
    assert len(problem.value.receipt) <= 1000


def test_where_all_are_refused_a_person_must_act_and_where_all_are_put_off_time_does(
    email: Any, around: Any, mail: MailServer
) -> None:
    mail.answers["*"] = "550 no"
    with pytest.raises(Never, match="refuses mail to") as never:
        asyncio.run(around.send(email))
    assert not isinstance(never.value, MessageRefused)
    mail.answers["*"] = "451 come back in 2 minutes"
    with pytest.raises(Later) as later:
        asyncio.run(around.send(email))
    assert not isinstance(later.value, PartlySent)
    assert later.value.retry_at == around.now + 120 * SECOND


def test_a_sender_whom_the_server_does_not_take_suspends_the_target(email: Any, around: Any, mail: MailServer) -> None:
    mail.to_sender = "530 5.7.0 authentication required"
    with pytest.raises(Never, match="does not take mail from") as problem:
        asyncio.run(around.send(email))
    assert not isinstance(problem.value, MessageRefused)


def test_a_letter_without_an_answer_may_have_arrived(email: Any, around: Any, mail: MailServer) -> None:
    mail.after_letter = [None]
    with pytest.raises(Later) as problem:
        asyncio.run(around.send(email))
    assert problem.value.unsure


@pytest.mark.parametrize(("answer", "kind"), [("554 spam", MessageRefused), ("451 busy", Later)])
def test_a_letter_that_was_answered_is_never_in_doubt(
    answer: str, kind: type[Exception], email: Any, around: Any, mail: MailServer
) -> None:
    mail.after_letter = [answer]
    with pytest.raises(kind) as problem:
        asyncio.run(around.send(email))
    assert not getattr(problem.value, "unsure", False)


def photo(directory: Path) -> Attachment:
    path = directory / "content"
    path.write_bytes(b"\x89PNG\r\n.\r\n.." * 900)
    return Attachment("photo", path, "spokesman-7.png", "image/png", path.stat().st_size)


def test_a_file_goes_along_and_without_it_where_it_is_not_taken(email: Any, around: Any, mail: MailServer) -> None:
    attached = photo(around.directory)
    asyncio.run(around.send(email, attachment=attached))
    mail.after_letter = ["552 too big"]
    asyncio.run(around.send(email, attachment=attached))
    mail.size = 4_000  # less than the file, and announced
    asyncio.run(around.send(email, attachment=attached))
    attached.path.unlink()
    asyncio.run(around.send(email, attachment=attached))
    files = [[part.get_content() for part in letter.read.iter_attachments()] for letter in mail.letters]
    assert files == [[b"\x89PNG\r\n.\r\n.." * 900], [], [], []]
    [part] = mail.letters[0].read.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("spokesman-7.png", "image/png")


def test_several_files_are_one_letter_and_never_an_empty_one(email: Any, around: Any, mail: MailServer) -> None:
    pictures = [replace(photo(around.directory), name=f"spokesman-{number}.png") for number in (7, 8)]
    asyncio.run(around.send(email, album=tuple(pictures), plain="2 files of alert 1"))
    [letter] = mail.letters
    assert [part.get_filename() for part in letter.read.iter_attachments()] == ["spokesman-7.png", "spokesman-8.png"]
    mail.after_letter = ["552 too big"]
    with pytest.raises(MessageRefused):
        asyncio.run(around.send(email, album=tuple(pictures)))
    pictures[0].path.unlink()
    with pytest.raises(MessageRefused):
        asyncio.run(around.send(email, album=tuple(pictures)))
    assert len(mail.letters) == 1


def test_as_many_files_are_in_a_letter_as_most_servers_take(email: Any, around: Any) -> None:
    async def together(target: Any) -> list[int]:
        one = Attachment("photo", around.directory, "a.png", "image/png", 3 << 20)
        return [len(target.shows.together(files)) for files in ([one] * 5, [replace(one, size=9)] * 50)]

    assert asyncio.run(around.with_target(email, together)) == [2, 20]


@pytest.mark.parametrize(
    "words",
    [
        "a\r\nBcc: x@evil.example\r\n\r\nbody",
        "a\nb",
        "a\u2028b\x85c",
        "=?utf-8?q?x=0D=0ABcc:_x@evil.example?=",
        "x" * 2_000,
        "\u202egnp.exe",
        "ထ" * 300,
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 " * 40,
        ",<x@evil.example>;(",
        "",
    ],
)
def test_bad_input_19_a_subject_is_one_line_and_names_nobody(
    words: str, email: Any, around: Any, mail: MailServer
) -> None:
    asyncio.run(around.send(email, headline=words, plain=f"fire\n{words}"))
    [letter] = mail.letters
    headers = letter.read
    assert letter.recipients == [ANN, BEN]
    assert headers["bcc"] is None
    assert headers.keys() == _KEYS
    assert not set("\r\n\u2028\u202e\x85") & set(str(headers["subject"]))
    assert str(headers["subject"]).startswith("fire")
    assert all(len(line) <= 200 for line in letter.content.split(b"\r\n"))


_KEYS = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Id", "MIME-Version", "Content-Type",
]  # fmt: skip


@given(words=st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_subject_reads_back_as_it_was_written(message: Message, words: str) -> None:
    told = replace(message, headline=words)
    everybody = [read_mailbox("Ä. Name <a@b.example>")]
    letter = Letter([], "", compose(told, everybody[0], everybody, "desk", 0), encrypted=False, user=None).read
    assert letter["subject"] == subject(told).encode("utf-8", "replace").decode()
    assert str(letter["to"]) == '"Ä. Name" <a@b.example>'


@pytest.mark.parametrize(
    "wrong",
    [
        {"tls": "none", "host": "mail.example"},
        {"user": "x"},
        {"from": "a@b.example\r\nBcc: c@d.example"},
        {"from": "Name\n<a@b.example>"},
        {"to": []},
        {"to": ["a@b.example, c@d.example"]},
        {"to": ["a b@c.example"]},
        {"to": ["<a@b.example> SIZE=1"]},
        {"host": "mail.example\r\nx"},
        {"tls": "no"},
        {"port": 0},
    ],
)
def test_the_config_refuses_what_could_not_be_meant(wrong: dict[str, Any], email: Any) -> None:
    with pytest.raises(ValueError, match="validation error"):
        targets.settings_of("email").model_validate({"name": "desk", **email, **wrong})


def test_hosts_and_addresses_with_other_letters_go_as_punycode(email: Any, around: Any, mail: MailServer) -> None:
    asyncio.run(around.send(email | {"to": ["Jürgen <j@bücher.example>"]}))
    assert mail.letters[0].recipients == ["j@xn--bcher-kva.example"]


def test_what_is_no_mail_server_is_a_failure_for_later(email: Any, around: Any) -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    with pytest.raises(Later, match="does not answer as a mail server does"):
        asyncio.run(_to(web, around, email))


def test_bad_input_69_a_server_that_repeats_the_password_does_not_reveal_it(email: Any, around: Any) -> None:
    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail\r\n")
        await reader.readline()
        writer.write(b"250-mail\r\n250 AUTH PLAIN\r\n")
        writer.write(b"535 " + (await reader.readline()).strip() + b" CANARY-PASSWORD\r\n")
        await reader.read()

    keys = email | {"user": "x", "password_file": around.secret("password", "CANARY-PASSWORD")}
    with pytest.raises(Never, match=r"\*\*\* \*\*\*") as problem:
        asyncio.run(_to(repeat, around, keys))
    assert "CANARY" not in str(problem.value)
