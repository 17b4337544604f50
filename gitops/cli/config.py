"""`gitops config`: check gitops.yaml, or print the JSON Schema of its format."""

import click

from gitops.cli.context import Context
from gitops.cli.output import echo, echo_json


@click.group()
def command() -> None:
    """Check gitops.yaml, or print its JSON Schema."""


@command.command()
@click.pass_obj
def check(context: Context) -> None:
    """Check gitops.yaml; every mistake is listed with its line and column."""
    config = context.config
    echo(f"{config.file}: valid · {len(config.images)} images, {len(config.environments)} environments")


@command.command()
def schema() -> None:
    """Print the JSON Schema, for editors and linters."""
    from gitops.config.schema import json_schema

    echo_json(json_schema())
