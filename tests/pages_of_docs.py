"""Writes what in docs/ is made from the code: `make docs`."""

from bot.cli.completion import SHELLS, script
from storage.migrations import migrate, schema
from tests import page_of_bad_inputs, page_of_commands, page_of_config, page_of_man, page_of_schemas, test_tree

PAGES = {
    "tree.md": test_tree.page,
    "commands.md": page_of_commands.page,
    "config.md": page_of_config.page,
    "bad-inputs.md": page_of_bad_inputs.page,
    "communique.1": page_of_man.page,
}

COMPLETIONS = test_tree.ROOT / "docs" / "completions"


def main() -> None:
    for name, made in PAGES.items():
        (test_tree.ROOT / "docs" / name).write_text(made(), encoding="utf-8")
    page_of_schemas.PLACE.write_text(page_of_schemas.page(), encoding="utf-8")
    migrate.FRESH.write_text(schema.write_statements(), encoding="utf-8")
    for shell in SHELLS:
        (COMPLETIONS / f"communique.{shell}").write_text(script(shell), encoding="utf-8")


if __name__ == "__main__":
    main()
