"""Posts as a workbook for Excel and LibreOffice: every text is a text, never a formula, a link or a date."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.documents.as_json import as_json
from bot.documents.forms import write_value
from bot.export.contract import Format, Material, Place
from bot.export.csv import COLUMNS
from bot.foreign.text import is_formula, visible

if TYPE_CHECKING:
    from storage.rows import PostRow

_ROWS = 1_048_575  # of a sheet, below its headings; https://support.microsoft.com/office/1672b34d
_UNITS = 32_767  # UTF-16 units of a cell, the same page
_CUT = " … (cut: csv and jsonl have the whole text)"
_MADE = datetime(2000, 1, 1, tzinfo=UTC)  # the same for all: a workbook says when it was made
_WIDTHS = {"text": 80, "title": 40, "url": 40, "posted_at": 20, "collected_at": 20, "source": 20}
_PLAIN = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}


def write(material: Material, place: Place) -> None:
    """A sheet of posts, and further ones where there are too many for one."""
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    path = place.path("posts.xlsx")
    book = Workbook(str(path), {"constant_memory": True, "tmpdir": str(place.scratch()), "use_zip64": True, **_PLAIN})
    book.set_properties({"title": "Posts", "created": _MADE.replace(tzinfo=None)})
    sheets = _Sheets(book)
    try:
        for page in material.pages():
            for post in page:
                sheets.add(post)
        book.close()
    except FileCreateError as problem:
        raise problem.args[0] from None  # the OSError that it hides
    finally:
        book.fileclosed = True  # its end tries again
    place.add("posts.xlsx")


class _Sheets:
    """The sheets of one book, one after the other."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._heading = book.add_format({"bold": True})
        self._quoted = book.add_format({"quote_prefix": True})
        self._number = 0
        self._begin()

    def _begin(self) -> None:
        self._number += 1
        self._row = 0
        self._sheet = self._book.add_worksheet("posts" if self._number == 1 else f"posts {self._number}")
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(COLUMNS):
            self._sheet.set_column(place, place, _WIDTHS.get(column, 12))
        for place, column in enumerate(COLUMNS):
            self._sheet.write_string(0, place, column, self._heading)

    def add(self, post: "PostRow") -> None:
        """One row."""
        if self._row == _ROWS:
            self._begin()
        self._row += 1
        document = as_json(post)
        for place, column in enumerate(COLUMNS):
            value = document[column]
            if isinstance(value, bool):
                self._sheet.write_boolean(self._row, place, value)
            elif isinstance(value, int | float):
                self._sheet.write_number(self._row, place, value)
            elif value:
                text = fit(visible(write_value(value), newlines=True))
                self._sheet.write_string(self._row, place, text, self._quoted if is_formula(text) else None)


def fit(text: str) -> str:
    """As much of the text as a cell can hold."""
    if len(text) * 2 <= _UNITS or len(units := text.encode("utf-16-le", "replace")) <= 2 * _UNITS:
        return text
    return units[: 2 * (_UNITS - len(_CUT))].decode("utf-16-le", "ignore") + _CUT


FORMAT = Format(write, "posts.xlsx", package="xlsxwriter")
