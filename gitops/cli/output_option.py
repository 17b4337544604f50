"""`-o json`, for every command with an answer. `--json`, which some had before, stays another way to say it."""

import functools
from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]


def output_option(*forms: str) -> Callable[[Command], Command]:
    """Give a command the parameter `form`: one of `forms`, of which the first is the default."""
    return form_option(click.Choice(forms), forms[0], "Form of the answer.")


def form_option(kind: click.ParamType[Any], default: str, said: str) -> Callable[[Command], Command]:
    """The same for a command with a `kind` of its own."""

    def give(command: Command) -> Command:
        @functools.wraps(command)
        def called(*args: Any, form: str, as_json: bool, **values: Any) -> Any:
            return command(*args, form="json" if as_json else form, **values)

        flag = click.option("--json", "as_json", is_flag=True, hidden=True)
        return click.option("-o", "--output", "form", type=kind, default=default, help=said)(flag(called))

    return give
