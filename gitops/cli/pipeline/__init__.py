"""`gitops pipeline`: the stacks and pipelines in AWS, a module a command, imported when it is called."""

import click

from gitops.cli import LazyGroup

COMMANDS = {
    "plan": "Show what `up` would change in AWS.",
    "up": "Make or change the stacks, as planned.",
    "status": "Show the stages of both pipelines, with revision and image.",
    "logs": "Print the log of a build.",
    "run-local": "Run the buildspec of a stage on this machine, as CodeBuild does.",
    "down": "Take the stacks away; repositories stay, unless told.",
    "report": "Post checks and plans on a pull request (for the review build).",
}
"""Command -> its short help. Each is `command` in the module gitops.cli.pipeline.NAME."""


@click.group(cls=LazyGroup, lazy=COMMANDS, package="gitops.cli.pipeline")
def command() -> None:
    """The AWS side: the stacks of cfn/ and the two pipelines in them."""
