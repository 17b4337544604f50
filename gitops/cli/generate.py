"""`gitops generate`: bring kustomize/ and buildspec/ up to gitops.yaml, keeping what was edited by hand."""

import click

from gitops.cli import leave
from gitops.cli.context import Context
from gitops.cli.files import decide, document, generate_changes, show, write
from gitops.cli.output import echo, echo_json
from gitops.cli.output_option import output_option
from gitops.errors import PENDING


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 3 where something would change.")
@click.option("--force", is_flag=True, help="Overwrite edits by hand.")
@output_option("text", "json")
@click.pass_obj
def command(context: Context, check: bool, force: bool, form: str) -> None:
    """Bring kustomize/ and buildspec/ up to gitops.yaml.

    Edits by hand stay, while what gitops changes arrives; where both changed the same lines, it asks.
    """
    folder = generate_changes(context.config, context.root)
    if not check:
        (folder,) = decide([folder], force, ask=form == "text")
        write(folder)
    changed = [change for change in folder.changes if change.writes or change.action == "conflict"]
    if form == "json":
        echo_json(document(folder))
    else:
        show(folder)
        if not check and changed:
            echo("next: git diff, gitops validate, then commit")
    if check and changed:
        leave(PENDING)
