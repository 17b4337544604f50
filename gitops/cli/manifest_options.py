"""Options that the commands share which write to the manifest repository."""

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]


def where(command: Command) -> Command:
    """`--repository` and `--branch`: to work without a clone."""
    branch = click.option("--branch", default="main", show_default=True, help="Its branch, with --repository.")
    url = click.option("--repository", "url", help="URL of the manifest repository, to work without a clone of it.")
    return url(branch(command))


def author(command: Command) -> Command:
    """`--author`."""
    return click.option("--author", default="", help='Author of the commit, as in "Name <address>".')(command)
