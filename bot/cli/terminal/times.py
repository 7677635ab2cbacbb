"""The option `--tz` of commands that read or show times."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from bot.listing.times import Zone, find_zone, zone_of_config

_Command = TypeVar("_Command", bound=Callable[..., Any])


def zone_option(command: _Command) -> _Command:
    """Give the command `--tz`, which it gets as `zone: Zone`."""
    return click.option(
        "--tz",
        "zone",
        metavar="ZONE",
        callback=_zone,
        help="Time zone, such as Asia/Yangon, or `local`; by default [defaults] timezone.",
    )(command)


def _zone(ctx: click.Context, _: click.Parameter, name: str | None) -> Zone:
    if name is None:
        return zone_of_config(None if ctx.resilient_parsing else ctx.obj.timezone())
    if name.lower() == "local":
        return Zone(shows=None, chosen=True)
    found = find_zone(name)
    if found is None:
        raise click.BadParameter(f"{name!r} is not a time zone; write one like Asia/Yangon, UTC or local")
    return Zone(found, found, found, chosen=True)
