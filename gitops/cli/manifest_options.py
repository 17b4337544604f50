"""Options that the commands share which write to the manifest repository."""

import re
from collections.abc import Callable
from typing import Any

import click

from gitops.errors import UsageError

Command = Callable[..., Any]


def where(command: Command) -> Command:
    """`--repository` and `--branch`: to work without a clone."""
    branch = click.option("--branch", default="main", show_default=True, help="Its branch, with --repository.")
    url = click.option("--repository", "url", help="URL of the manifest repository, to work without a clone of it.")
    return url(branch(command))


def author(command: Command) -> Command:
    """`--author`."""
    help_text = 'Author of the commit, as in "Name <address>".'
    return click.option("--author", default="", callback=_checked, help=help_text)(command)


def _checked(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """An author that git takes as it is. Raises `UsageError`."""
    if value and not re.fullmatch(r"[^<>\x00-\x1f\x7f]*[^<>\x00-\x20\x7f] <[^<>\s\x00-\x1f]+>", value):
        raise UsageError("--author", f"cannot be {value!r}", 'write it as in "Ann Other <ann@example.com>"')
    return value


def one_line(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Why an environment is held, in one line. Raises `UsageError` where that is empty."""
    said = " ".join(value.split())
    if not said:
        raise UsageError("--reason", "is empty", "say why, for those who meet the hold")
    return said
