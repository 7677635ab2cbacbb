"""docs/bad-inputs.md: the inputs that the product must survive, each with the tests that carry its number."""

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
_NUMBERS = re.compile(r"def test_\w*?bad_inputs?_((?:\d\d_)(?:(?:(?:to|and)_)?\d\d_)*)")
HEAD = """\
# Bad inputs

People who are watched know that they may be watched, and the internet is full of broken data. This page lists the inputs
that the product must survive. `make docs` writes it. A test of row 26 has `bad_input_26` in its name.

"Shown escaped" means: the character is printed as its number, such as `\\u{1b}`, and has no effect. "Safe" means: stored as
received, shown escaped, and the next post is still processed.
"""


class Row(NamedTuple):
    """One kind of input. `without` says why no test carries its number."""

    input: str
    outcome: str
    without: str = ""


class Group(NamedTuple):
    title: str
    first: int
    rows: tuple[Row, ...]


GROUPS = (
    Group(
        "Text in a terminal",
        1,
        (
            Row("a post with escape sequences that clear the screen", "shown escaped; nothing is cleared"),
            Row("escape sequences that set the window title or the clipboard", "shown escaped; no bell, no clipboard"),
            Row("an escape sequence that hides a link behind other words", "shown escaped; the address is visible"),
            Row("the control characters from U+0080 to U+009F", "shown escaped"),
            Row("carriage return, backspace, vertical tab, form feed", "shown escaped; no line overwrites another"),
            Row(
                "characters that reverse the direction of writing (`U+202E` and others)",
                "shown escaped in terminals, alerts and file names",
            ),
            Row("invisible characters inside a keyword", "the rule still matches; the text is stored unchanged"),
            Row("tag characters, byte order marks, line separators", "shown escaped; no line break"),
            Row("a hundred thousand accents on one letter", "cut when shown; folded in time"),
            Row("text that looks like the markup of the terminal library", "plain text; no crash"),
            Row("all of the above in names of sources, authors, files and rules, and in error messages", "the same"),
            Row("output into a pipe or a file", "escaped too; only `show --raw` prints bytes as received"),
        ),
    ),
    Group(
        "Text in an alert",
        13,
        (
            Row("HTML tags, closed or not", "shown as letters; the message is accepted at the first try"),
            Row("HTML entities", "escaped exactly once"),
            Row("`tg://`, `javascript:` and misleading addresses", "no link; only the post's own web address is one"),
            Row("mentions of everybody, or of many people", "nobody is notified by a mention"),
            Row("Markdown", "shown as letters"),
            Row(
                "a text longer than the target accepts, or thousands of emoji",
                "cut between whole characters; formatting stays valid; the link stays",
            ),
            Row("line breaks in the subject of an e-mail", "no added header, one receiver"),
            Row("line separators, NUL or half a surrogate pair in a webhook", "valid JSON"),
            Row(
                "a post with a link that the receiving service would preview",
                "no preview: it would show the watched site who watches",
                "`tests/targets/test_telegram.py`",
            ),
        ),
    ),
    Group(
        "Feeds",
        22,
        (
            Row("entity bombs and external entities in XML", "refused with a reason; the program does not wait"),
            Row(
                "documents that take a parser very long",
                "the child process is stopped; the source fails; other sources continue",
            ),
            Row(
                "a web page, an empty body, a wrong encoding, a wrong label of compression or charset",
                "decoded, or an error with a reason; never counted as nothing new",
            ),
            Row(
                "entries without id or date, the same id with new text, a million entries, impossible dates",
                "a stable identity, a revision, a limit; the order is that of first sight",
            ),
        ),
    ),
    Group(
        "Addresses and the network",
        26,
        (
            Row("addresses of this machine", "not visited, unless the config allows it"),
            Row("the same addresses in unusual spellings (`0x7f000001`, `127.1`)", "not visited"),
            Row("the same addresses inside IPv6 addresses", "not visited"),
            Row("the metadata addresses of cloud services", "not visited"),
            Row("a redirect from a public to a private address, or to a file", "refused at that redirect"),
            Row(
                "a name that resolves to a public address first and to a private one later, or to both",
                "only the checked address is visited; one private address is enough to refuse",
            ),
            Row(
                "passwords, odd ports, line breaks or look-alike letters in an address",
                "passwords are removed; ports from foreign addresses must be 80 or 443; line breaks are refused; "
                "look-alike names are shown in ASCII form",
            ),
            Row("a proxy that is a private address", "needs the same permission"),
            Row("a file path or `file:` address as a feed", "refused in the config and by the parser"),
            Row("a proxy that does not work", "no request is sent; the exit code is not 0"),
            Row("certificates that are expired, self-signed or for another host", "refused"),
            Row("a small compressed reply that unpacks to hundreds of megabytes", "cut at the limit"),
            Row("slow, endless or wrongly measured replies", "the total deadline ends them; an error is recorded"),
            Row("huge or countless headers, replies against the standard", "an error, no crash"),
            Row("redirects without end, many cookies", "at most five redirects; cookies are not kept"),
        ),
    ),
    Group(
        "Files, pictures and sound",
        41,
        (
            Row("file names with paths, reserved words, control characters", "the name is data, never a path"),
            Row("one name with two contents, one content under two names", "nothing is overwritten; stored once"),
            Row("links placed in the media directory", "never followed"),
            Row("pictures with too many pixels", "refused before they are decoded (50 megapixels)"),
            Row(
                "animations with very many frames, cut files, hostile metadata",
                "the first frame is read, or the file is refused; there is a deadline",
            ),
            Row(
                "drawings with scripts, web pages with the name of a picture", "never rendered; the real type is stored"
            ),
            Row("a playlist with the name of a recording", "no other file and no address is opened"),
            Row("recordings of ten hours, of no length, with impossible properties", "refused with a reason"),
            Row("archives, nested or protected by a password", "stored, never unpacked"),
            Row(
                "a decoder that hangs, starts processes, writes or prints without end",
                "stopped with all its processes; disk and output are limited",
            ),
            Row("transcripts and OCR text with any of the texts above", "treated like posts, marked as machine text"),
        ),
    ),
    Group(
        "Exports",
        52,
        (
            Row("text that a spreadsheet takes for a formula", "the cell begins with `'`; JSON is unchanged"),
            Row("commas, quotes, line breaks and very long cells in CSV", "read back to the same text"),
            Row("HTML of posts on a page of the reading room", "shown as letters; nothing is loaded from outside"),
            Row(
                "an export directory that is not empty or is a link", "refused without `--force`; files have mode 0600"
            ),
        ),
    ),
    Group(
        "Rules and queries",
        56,
        (
            Row("regular expressions that take other engines exponential time", "answered in linear time"),
            Row(
                "regular expressions with features that RE2 does not have",
                "refused with the name and the place",
                "`tests/language/test_query.py`",
            ),
            Row("word boundaries and case in other scripts, look-alike letters", "found as docs/rules.md says"),
            Row("an empty rule, thousands of rules, a post of ten megabytes", "refused, or answered in time"),
            Row("queries with broken or odd syntax", "a result, or one sentence with the place; exit code 0 or 2"),
        ),
    ),
    Group(
        "Posts that storage could refuse",
        61,
        (
            Row("half a surrogate pair", "stored escaped, the bytes unchanged; not retried for ever"),
            Row("NUL in a text", "replaced in the text, kept in the bytes"),
            Row("ids that are huge, negative, fractions or text", "stored as text, or set aside where you can see it"),
            Row("times without a zone, beyond the calendar, with leap seconds", "UTC and the original string"),
            Row("JSON that is very deep, or holds what JSON does not allow", "an error; the next item is read"),
            Row(
                "a post that crashes the program",
                "tried alone, given up after two deaths that count, with a notice; all others are processed",
            ),
        ),
    ),
    Group(
        "The config, secrets and the system",
        67,
        (
            Row(
                "unknown keys, duplicates, other formats, a poll every zero seconds",
                "refused with the line; tabs are fine",
            ),
            Row(
                "secrets, sessions or directories that others can read or write",
                "refused with the command that repairs it; a readable config file is fine",
            ),
            Row("a token in the address or in the error of a target", "replaced by `***` everywhere"),
            Row("secrets in arguments or in the environment", "no option takes one"),
            Row("a post that imitates a line of the log", "one event, one line"),
            Row(
                "a second process on the same data",
                "exit code 75 and the number of the process that runs",
                "`tests/integration/test_daemon_life.py`",
            ),
            Row(
                "signals, suspension, sudden death",
                "nothing is lost; the next start continues",
                "`tests/integration/test_killed_at_any_moment.py` and `tests/integration/test_daemon_life.py`",
            ),
            Row("a full disk or one that cannot be written", "named; what was committed stays; work resumes by itself"),
            Row("a clock that jumps or is wrong", "nothing waits for that time; no flood of repeated work"),
            Row(
                "an archive that is newer than the program, damaged, cut or half upgraded",
                "refused or named; an interrupted upgrade changes nothing",
            ),
            Row("a backup that cannot be finished", "the older backup stays whole"),
            Row("a record of evidence that was edited", "found by verification", "there are no sealed records yet"),
            Row("a command from a stranger's chat", "ignored", "the program takes no commands by chat"),
            Row("a post that gives orders to a language model", "no action follows", "no model acts on posts"),
        ),
    ),
)


@cache
def files_of_numbers() -> dict[int, list[str]]:
    """The files with tests of each number."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name in _NUMBERS.findall(path.read_text(encoding="utf-8")):
            for number in numbers(name):
                found[number].add(path.relative_to(ROOT).as_posix())
    return {number: sorted(paths) for number, paths in found.items()}


def numbers(name: str) -> Iterable[int]:
    """13_14_and_18_ -> 13, 14, 18; 01_to_06_ -> all from 1 to 6."""
    for first, last in re.findall(r"(\d\d)(?:_to_(\d\d))?", name):
        yield from range(int(first), int(last or first) + 1)


def rows() -> dict[int, Row]:
    return {group.first + place: row for group in GROUPS for place, row in enumerate(group.rows)}


def _elsewhere(row: Row) -> str:
    tests = row.without.startswith("`")
    return f"without the number: {row.without}" if tests else f"no test: {row.without}"


def page() -> str:
    """docs/bad-inputs.md as it must be; `make docs` writes it."""
    files = files_of_numbers()
    parts = [HEAD]
    for group in GROUPS:
        parts.append(f"## {group.title}\n\n| number | input | what must happen | test |\n|---|---|---|---|")
        for number, row in enumerate(group.rows, group.first):
            test = ", ".join(f"`{one}`" for one in files.get(number, ())) or _elsewhere(row)
            parts.append(f"| {number} | {row.input} | {row.outcome} | {test} |")
        parts.append("")
    return "\n".join(parts)
