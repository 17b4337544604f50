"""`gitops generate`: bring kustomize/ and buildspec/ up to gitops.yaml, keeping what was edited by hand."""

import click

from gitops.cli import leave
from gitops.cli.context import Context
from gitops.cli.files import decide, generate_changes, show, write
from gitops.cli.output import echo
from gitops.errors import PENDING


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 3 where something would change.")
@click.option("--force", is_flag=True, help="Overwrite edits by hand.")
@click.pass_obj
def command(context: Context, check: bool, force: bool) -> None:
    """Bring kustomize/ and buildspec/ up to gitops.yaml.

    Edits by hand stay, while what gitops changes arrives; where both changed the same lines, it asks.
    """
    folder = generate_changes(context.config, context.root)
    changed = [change for change in folder.changes if change.writes or change.action == "conflict"]
    if check:
        show(folder)
        if changed:
            leave(PENDING)
        return
    (settled,) = decide([folder], force)
    write(settled)
    show(settled)
    if any(change.writes for change in settled.changes):
        echo("next: git diff, gitops validate, then commit")
