"""From a letter in a real mailbox to the alert: at once, by the server's word, and never for what it only quotes."""

from email.message import EmailMessage
from pathlib import Path

from tests.certificates import Authority
from tests.certificates import authority as authority  # noqa: PLC0414 - a fixture is found by its name here
from tests.desk import Desk, Sink, Until
from tests.imap_server import imap_server


def letter(number: int, words: str) -> bytes:
    made = EmailMessage()
    made["From"] = "Ferry Office <press@ferry.example>"
    made["Subject"] = f"Statement {number}"
    made["Message-ID"] = f"<{number}@ferry.example>"
    made["Date"] = "Mon, 30 Nov 2026 09:00:00 +0000"
    made.set_content(words)
    return bytes(made)


def test_a_letter_alerts_at_once_and_words_that_it_repeats_do_not(
    desk: Desk, sink: Sink, until: Until, authority: Authority, tmp_path: Path
) -> None:
    home = tmp_path / "mailbox"
    home.mkdir()
    with imap_server(home, authority) as server:
        server.deliver(letter(1, "An old statement: the ferry was lost."))
        keys = "\n".join(f'{name} = "{value}"' for name, value in server.keys().items())
        desk.write(
            f'[http]\nallow_private_addresses = true\n[[sources]]\nname = "letters"\n{keys}\n'
            'from = ["@ferry.example"]\nevery = "6h"\n'
            f'[[targets]]\nname = "desk"\nkind = "webhook"\nurl = "{sink.url}"\n'
            '[[rules]]\nname = "ferry"\nquery = "ferry lost"\ntargets = ["desk"]\n'
        )
        desk.start("run")

        until(lambda: "is reached" in desk.said(), "the first contact")
        for number, words in ((2, "We answer.\n\nThey wrote:\n> the ferry was lost\n"), (3, "The ferry was lost.")):
            server.deliver(letter(number, words))
        until(lambda: sink.documents("match"), "the alert")
        until(lambda: len(desk.ask("SELECT 1 FROM posts")) == 3, "both letters")
        desk.stop()
    assert [data["post"]["title"] for data in sink.documents("match")] == ["Statement 3"]
    found = desk.run("search", "in:quoted ferry lost", "--json").stdout
    assert "Statement 2" in found
    assert "Statement 3" not in found
