"""Durations as options of commands."""

import re
from datetime import timedelta
from typing import Any

import click

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Duration(click.ParamType[timedelta]):
    """A time such as `90s`, `30m`, `6h` or `30d`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The time; a usage error for anything else."""
        matched = re.fullmatch(r"([0-9]{1,6})([smhd])", str(value))
        if matched is None:
            self.fail(f"{value!r} is not a duration. Write 90s, 30m, 6h or 30d.", param, ctx)
        return timedelta(**{UNITS[matched[2]]: int(matched[1])})
