"""`gitops unhold`: let bumps and promotions change an environment again."""

from typing import TYPE_CHECKING

import click

from gitops.cli.manifest_options import author, where
from gitops.cli.output import echo

if TYPE_CHECKING:
    from gitops.cli.context import Context


@click.command()
@click.argument("environment")
@where
@author
@click.pass_obj
def command(context: "Context", environment: str, url: str | None, branch: str, author: str) -> None:
    """Take the hold of ENVIRONMENT away."""
    from gitops.cli.written import ending
    from gitops.manifest.hold import unhold

    with context.manifests(url, branch) as place:
        place.config.environment(environment)
        written = place.write(unhold(environment, place.prefix, author))
        notes = place.settle(written)
    echo(f"{environment} is not held any more" if written.commit else f"{environment} was not held")
    for line in (ending(written, place.branch.name), *notes):
        echo(line)
