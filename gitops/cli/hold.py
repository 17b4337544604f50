"""`gitops hold`: keep an environment as it is; every bump and promotion obeys."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gitops.cli.manifest_options import author, one_line, where
from gitops.cli.output_option import output_option

if TYPE_CHECKING:
    from gitops.cli.context import Context


@click.command()
@click.argument("environment", metavar="ENV")
@click.option("--reason", required=True, callback=one_line, help="Why, for those who meet it.")
@where
@author
@output_option("text", "json")
@click.pass_obj
def command(
    context: "Context", environment: str, reason: str, url: str | None, branch: str, author: str, form: str
) -> None:
    """Keep ENV as it is: no bump or promotion changes it until gitops unhold.

    The hold is a file in the manifest repository, in a commit of its own.

    \b
    gitops hold prod --reason "migration until Friday"
    """
    from gitops.cli.written import show_said
    from gitops.manifest.hold import Hold, hold, read_holds

    with context.manifests(url, branch) as place:
        place.config.environment(environment)
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        wanted = Hold(environment, now, author or place.branch.objects.identity, reason)
        written = place.write(hold(wanted, place.prefix, author))
        notes = place.settle(written)
        # Whoever comes second wants to know what they met.
        earlier = (
            "" if written.commit else read_holds(place.tree(), [environment], place.prefix).get(environment, "held")
        )
    said = f"{environment} is held" if written.commit else f"{environment} is already {earlier}"
    show_said([said], written, place.branch.name, notes, form, environment=environment, held=True)
