"""`communique init`: writes a commented config.toml that passes `config check` and needs no account."""

import os
from pathlib import Path

import click

from bot import config
from bot.cli.terminal.output import Session, say, write_line
from bot.errors import UserError
from bot.foreign.text import one_line, visible
from bot.unwritable import naming_what_helps

TEMPLATE = """\
#:schema ./communique.schema.json
# Completion in your editor: communique config schema > communique.schema.json
# What every key means, with all the others: config.example.toml. After each change: communique config check

[storage]
dir = "communique-data"            # the archive, beside this file; each config has a folder of its own

[defaults]
every = "2m"                       # how often each source is polled
timezone = "Asia/Yangon"           # shown beside UTC in alerts, and on the screen
targets = ["terminal"]             # where alerts go, unless a rule says otherwise

# Sources: remove the # and fill in the name of a real channel or the address of a real feed.
# A public Telegram channel needs no account: this reads the page that t.me/s/NAME shows to everybody.

# [[sources]]
# name = "spokesman"               # your own name for it
# kind = "telegram_web"
# channel = "NAME_OF_THE_CHANNEL"  # t.me/NAME_OF_THE_CHANNEL
# tags = ["official"]

# [[sources]]
# name = "news-desk"
# kind = "telegram_web"
# channel = "NAME_OF_ANOTHER_CHANNEL"
# tags = ["press"]

# [[sources]]
# name = "ministry"
# kind = "feed"                    # RSS, Atom or JSON Feed
# url = "https://feed.example/statements.xml"
# tags = ["official"]

# Rules: the same language as `communique search`. A rule without `sources` and `tags` reads every source.

[[rules]]
name = "regional-command"
query = '"regional command" OR တိုင်းစစ်ဌာနချုပ်'
priority = "high"
# tags = ["official"]              # only posts of these sources
matches = ["He spoke at the Regional Command."]     # examples that `communique config check` tests
not_matches = ["A regional office was opened."]

# Terms: one name for several phrases, in any language; queries use it as @name. Two hundred terms for Myanmar:
# communique init --glossary myanmar

# [[terms]]
# name = "peace-talks"
# en = ["peace talks"]
# my = ["ငြိမ်းချမ်းရေးဆွေးနွေးပွဲ"]

# Targets: where alerts go. `console` prints them on stdout; config.example.toml shows the others.

[[targets]]
name = "terminal"
kind = "console"
"""

GLOSSARIES = Path(config.__file__).parent / "glossary"


def _find_glossary(_: click.Context, __: click.Parameter, name: str | None) -> Path | None:
    """Path of a glossary that comes with the program."""
    if name is None:
        return None
    known = sorted(path.stem for path in GLOSSARIES.glob("*.toml"))
    if name not in known:
        raise click.BadParameter(f"there is no glossary {visible(name)!r}; there is: {', '.join(known)}")
    return GLOSSARIES / f"{name}.toml"


@click.command("init")
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option("--force", is_flag=True, help="Overwrite an existing config.toml.")
@click.option("--glossary", metavar="NAME", callback=_find_glossary, help="Add [[terms]] for a country: myanmar.")
@click.pass_obj
def command(session: Session, directory: Path, force: bool, glossary: Path | None) -> None:
    """Write DIR/config.toml with comments, ready to be filled in; print its path.

    DIR is the current directory if not given.
    """
    named = directory.suffix == ".toml" and not directory.is_dir()  # somebody has written the file, not its directory
    path = directory if named else directory / "config.toml"
    _write(path, glossary, force=force)
    write_line(session, one_line(str(path)))
    option = "" if directory == Path() else f" --config {path}"
    say(
        session,
        "Next:\n"
        f"  1. open {path}, remove the # of a source and fill in its channel or address\n"
        f"  2. communique{option} config check\n"
        f"  3. communique{option} run --once      collects everything once\n"
        f"  4. communique{option} run             keeps watching; alerts appear here\n"
        "To see it work first, without any set-up: communique demo",
    )


def _write(path: Path, glossary: Path | None, *, force: bool) -> None:
    """Write the template; without `force` never over an existing file, not even through a symbolic link."""
    text = TEMPLATE if glossary is None else f"{TEMPLATE}\n\n{glossary.read_text(encoding='utf-8')}"
    try:
        with naming_what_helps(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if force else os.O_EXCL)
            with open(os.open(path, flags, 0o644), "w", encoding="utf-8") as file:  # noqa: PTH123 - flags matter
                file.write(text)
    except FileExistsError:
        hint = f"; to add the glossary: cat {glossary} >> {path}" if glossary else ""
        raise UserError(f"{path} exists already and was not changed; --force overwrites it{hint}") from None
