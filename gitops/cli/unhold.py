"""`gitops unhold`: let bumps and promotions change an environment again."""

from typing import TYPE_CHECKING

import click

from gitops.cli.manifest_options import author, where
from gitops.cli.output_option import output_option

if TYPE_CHECKING:
    from gitops.cli.context import Context


@click.command()
@click.argument("environment", metavar="ENV")
@where
@author
@output_option("text", "json")
@click.pass_obj
def command(context: "Context", environment: str, url: str | None, branch: str, author: str, form: str) -> None:
    """Take the hold of ENV away."""
    from gitops.cli.written import show_said
    from gitops.manifest.hold import unhold

    with context.manifests(url, branch) as place:
        place.config.environment(environment)
        written = place.write(unhold(environment, place.prefix, author))
        notes = place.settle(written)
    said = f"{environment} is not held any more" if written.commit else f"{environment} was not held"
    show_said([said], written, place.branch.name, notes, form, environment=environment, held=False)
