"""`--no-cache`, for every command that renders."""

from typing import Any

import click


def _without_cache(ctx: click.Context, _: click.Parameter, given: bool) -> None:
    if given:
        ctx.obj.render_cache = None


def no_cache_option(command: Any) -> Any:
    """Give `command` the option that renders even what was rendered before."""
    option = click.option(
        "--no-cache",
        is_flag=True,
        expose_value=False,
        callback=_without_cache,
        help="Render even what was rendered before.",
    )
    return option(command)
