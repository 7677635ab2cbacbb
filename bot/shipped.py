"""Files that come with the program: the pages of docs/, the man page, config.example.toml."""

from pathlib import Path

import bot


def find_shipped(name: str) -> Path:
    """Where a file is: inside the installed package, or in the checkout that is run."""
    package = Path(bot.__file__).parent
    packed = package / "shipped" / name
    return packed if packed.exists() else package.parent / name
