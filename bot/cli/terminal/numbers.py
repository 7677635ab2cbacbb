"""Whole numbers on the command line: what is none, or is out of bounds, is answered in one plain sentence."""

from typing import Any

import click


class WholeNumber(click.IntRange):
    """A whole number from `min` on, to `max` where there is one."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(super().convert(value, param, ctx))
        except click.BadParameter:
            bounds = f"of at least {self.min}" if self.max is None else f"from {self.min} to {self.max}"
            self.fail(f"expected a whole number {bounds}, got {str(value)!r}", param, ctx)
