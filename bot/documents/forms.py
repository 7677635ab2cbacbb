"""PURE: documents as one JSON list, as JSON lines, or as CSV that no spreadsheet runs: text, piece by piece."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bot.foreign.text import csv_cell, json_text

_MAIN_FIELDS = ("path", "url", "text", "name", "target", "kind")
Documents = Iterable[Mapping[str, object]]


def write_form(form: str, documents: Documents, columns: Sequence[str]) -> Iterator[str]:
    """The text of all documents in the form "json", "jsonl" or "csv", which has only these columns."""
    if form == "json":
        return write_list(documents)
    if form == "jsonl":
        return (f"{json_text(document)}\n" for document in documents)
    return write_csv(documents, columns)


def write_list(documents: Documents) -> Iterator[str]:
    """One indented JSON list, with one document in memory at a time."""
    opening = "["
    for document in documents:
        whole = json_text(document, indent=2).replace("\n", "\n  ")  # in JSON a line feed is never inside a string
        yield f"{opening}\n  {whole}"
        opening = ","
    yield "[]\n" if opening == "[" else "\n]\n"


def write_csv(documents: Documents, columns: Sequence[str]) -> Iterator[str]:
    """CSV with its header: every cell quoted, formulas disarmed; a nested value is one cell."""
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL, lineterminator="\n")
    yield writer.writerow(columns)  # what `write` returns
    for document in documents:
        yield writer.writerow([_cell(document.get(column)) for column in columns])


class _Echo:
    """A file that gives back what is written into it."""

    def write(self, text: str) -> str:
        return text


def _cell(value: object) -> str:
    return csv_cell(write_value(value)) if isinstance(value, str | list | dict) else write_value(value)


def write_value(value: object) -> str:
    """The text of a value in a cell, lists joined by a bar; a spreadsheet may take it for a formula."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list():
            return "|".join(_plain(item) for item in value)
        case _:
            return _plain(value)


def _plain(value: object) -> str:
    """The text of a value in a cell: of an object its first main field."""
    if isinstance(value, dict):
        value = next((value[key] for key in _MAIN_FIELDS if value.get(key)), "")
    return value if isinstance(value, str) else json_text(value)
