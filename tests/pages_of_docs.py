"""Writes the pages of docs/ that are made from the code: `make docs`."""

from tests import page_of_bad_inputs, page_of_commands, page_of_config, test_tree

PAGES = {
    "tree.md": test_tree.page,
    "commands.md": page_of_commands.page,
    "config.md": page_of_config.page,
    "bad-inputs.md": page_of_bad_inputs.page,
}


def main() -> None:
    for name, made in PAGES.items():
        (test_tree.ROOT / "docs" / name).write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
