"""Writes the pages of docs/ that are made from the code: `make docs`."""

from tests.test_tree import ROOT, page

PAGES = {"tree.md": page}


def main() -> None:
    for name, made in PAGES.items():
        (ROOT / "docs" / name).write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
