"""`gitops pipeline down`: take the stacks away; what people put in stays, unless told."""

import click

from gitops.cli.context import Context


@click.command()
@click.option("--delete-repositories", is_flag=True, help="Delete source, manifest and image repositories too.")
@click.option("--delete-logs", is_flag=True, help="Delete the log groups too.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def command(context: Context, delete_repositories: bool, delete_logs: bool, dry_run: bool, yes: bool) -> None:
    """Delete the stacks of gitops.yaml, the last one first, and the artifact bucket with what is in it.

    Repositories, images, logs and the key that encrypts them stay, unless told. Run again after it was cut off, it
    deletes what is left.
    """
    from gitops.cli.stacks_down import StacksDown
    from gitops.stacks.down import Keep

    StacksDown(context, Keep(not delete_repositories, not delete_logs)).carry_out(dry_run, yes)
