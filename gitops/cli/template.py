"""`gitops template`: the AWS side as CloudFormation, written to cfn/ from gitops.yaml."""

import datetime

import click

from gitops.cli import leave
from gitops.cli.context import Context
from gitops.cli.files import decide, document, read_changes, show, write
from gitops.cli.output import echo, echo_json, style
from gitops.cli.output_option import output_option
from gitops.errors import PENDING


@click.command()
@click.option("--check", is_flag=True, help="Write nothing: say what differs or went stale; exit 3 if anything does.")
@click.option("--force", is_flag=True, help="Overwrite edits by hand.")
@output_option("text", "json")
@click.pass_obj
def command(context: Context, check: bool, force: bool, form: str) -> None:
    """Write cfn/ from gitops.yaml: access, observability and pipeline, a file a stack.

    Edits by hand stay, while what gitops changes arrives. --check also says what went stale: EKS versions that leave
    support, and catalogues of AWS that are too old to trust.
    """
    from gitops.template.stacks import FOLDER, templates
    from gitops.template.staleness import stale

    folder = read_changes(context.root, templates(context.config), scope=(f"{FOLDER}/",))
    warnings = stale(context.config, datetime.datetime.now(datetime.UTC).date())
    if not check:
        (folder,) = decide([folder], force, ask=form == "text")
        write(folder)
    differs = any(change.writes or change.action == "conflict" for change in folder.changes)
    if form == "json":
        echo_json({**document(folder), "stale": list(warnings)})
    else:
        show(folder)
        for warning in warnings:
            echo(f"{style('stale', 'yellow')}  {warning}")
        if not check and differs:
            echo("next: git diff, commit, then gitops pipeline plan")
    if check and (differs or warnings):
        leave(PENDING)
