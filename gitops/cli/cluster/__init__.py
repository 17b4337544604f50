"""`gitops cluster`: an EKS cluster before a deployment, a module a command, imported when it is called."""

import click

from gitops.cli import LazyGroup

COMMANDS = {
    "check": "Say what a cluster lacks for a deployment.",
    "harden": "Close what is open, as a plan first; --undo takes it back.",
}
"""Command -> its short help. Each is `command` in the module gitops.cli.cluster.NAME."""


@click.group(cls=LazyGroup, lazy=COMMANDS, package="gitops.cli.cluster")
def command() -> None:
    """Check an EKS cluster before the first deployment, and harden it."""
