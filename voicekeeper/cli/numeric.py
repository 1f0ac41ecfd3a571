"""Options that are numbers: what click's ranges let through."""

import math

import click


def numeric(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no number: it passes every comparison of a range."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not a number to work with")
    return value
