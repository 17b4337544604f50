"""`gitops verify`: record that an environment's images have passed a check."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gitops.cli.manifest_options import author, where
from gitops.cli.output import echo

if TYPE_CHECKING:
    from gitops.cli.context import Context


@click.command()
@click.argument("environment")
@click.argument("check")
@where
@author
@click.pass_obj
def command(context: "Context", environment: str, check: str, url: str | None, branch: str, author: str) -> None:
    """Record that the images that ENVIRONMENT has now passed CHECK, for gitops promote to ask for.

    It holds for exactly these digests: another image has to pass again.
    """
    from gitops.cli.written import ending
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
            config_file=config.file,
            prefix=place.prefix,
            author=author,
        )
        written = place.write(intent)
        notes = place.settle(written)
    for line in (f"{environment} passed {check}", ending(written, place.branch.name), *notes):
        echo(line)
