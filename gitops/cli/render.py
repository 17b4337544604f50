"""`gitops render`: the objects of an environment, as YAML or JSON."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gitops.cli.context import Context


@click.command()
@click.argument("name", metavar="ENV")
@click.option("--output", "-o", "form", type=click.Choice(["yaml", "json"]), default="yaml")
@click.pass_obj
def command(context: "Context", name: str, form: str) -> None:
    """Print the objects of ENV: an environment, an overlay of the platform, or `platform` for all of these.

    Reads files only; no cluster is asked.
    """
    from gitops.cli.output import echo, echo_json
    from gitops.config.overlays import overlays_named
    from gitops.render import render
    from gitops.target.rendered import to_yaml

    paths = dict.fromkeys(overlay.path for overlay in overlays_named(context.config, name))
    objects = [each for path in paths for each in render(context.root, path).objects]
    if form == "json":
        echo_json({"apiVersion": "v1", "kind": "List", "items": [each.body for each in objects]})
    else:
        echo("---\n".join(to_yaml(each.body).decode() for each in objects).rstrip("\n"))
