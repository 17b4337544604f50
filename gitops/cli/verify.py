"""`gitops verify`: record that an environment's images have passed a check."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gitops.cli.manifest_options import author, where
from gitops.cli.output_option import output_option

if TYPE_CHECKING:
    from gitops.cli.context import Context


@click.command()
@click.argument("environment", metavar="ENV")
@click.argument("check")
@where
@author
@output_option("text", "json")
@click.pass_obj
def command(
    context: "Context", environment: str, check: str, url: str | None, branch: str, author: str, form: str
) -> None:
    """Record that the images that ENV has now passed CHECK, for gitops promote to ask for.

    It holds for exactly these digests: another image has to pass again.

    \b
    gitops verify staging smoke
    """
    from gitops.cli.written import show_said
    from gitops.manifest.checks import check_name, record_check

    with context.manifests(url, branch) as place:
        config, now = place.config, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        folder, name = place.folder(environment), check_name(check)
        intent = record_check(
            name,
            environment,
            folder,
            now,
            config.image_repositories(),
            fields=config.environment(environment).fields,
            config_file=config.file,
            prefix=place.prefix,
            author=author,
        )
        written = place.write(intent)
        notes = place.settle(written)
    said = [f"{environment} passed {check}"]
    show_said(said, written, place.branch.name, notes, form, environment=environment, check=check)
