"""`gitops config`: check gitops.yaml, or print the JSON Schema of its format."""

import click

from gitops.cli import Group
from gitops.cli.context import Context
from gitops.cli.output import echo, echo_json
from gitops.cli.output_option import output_option
from gitops.errors import count_of


@click.group(cls=Group)
def command() -> None:
    """Check gitops.yaml, or print its JSON Schema."""


@command.command()
@output_option("text", "json")
@click.pass_obj
def check(context: Context, form: str) -> None:
    """Check gitops.yaml: every mistake, with its line and column."""
    config = context.config
    if form == "json":
        named = {key: [each.name for each in getattr(config, key)] for key in ("images", "environments")}
        echo_json({"file": config.file, "valid": True, **named})
        return
    images, environments = count_of(len(config.images), "image"), count_of(len(config.environments), "environment")
    echo(f"{config.file}: valid · {images}, {environments}")


@command.command()
def schema() -> None:
    """Print the JSON Schema, for editors and linters."""
    from gitops.config.schema import json_schema

    echo_json(json_schema())
