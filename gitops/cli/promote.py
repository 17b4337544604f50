"""`gitops promote`: the images that one environment has proved go to the next, all together."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gitops.cli.manifest_options import author, where
from gitops.cli.output_option import output_option

if TYPE_CHECKING:
    from gitops.cli.context import Context


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--unproved", is_flag=True, help="Do without the soak time and checks that gitops.yaml requires.")
@click.option("--skip-stages", is_flag=True, help="Leave environments between FROM and TO out.")
@click.option("--add", is_flag=True, help="Add an images entry where TO has none.")
@click.option("--allow-older", is_flag=True, help="Go back to an older build.")
@click.option("--despite-hold", is_flag=True, help="Change TO though it is held.")
@click.option("--pull-request", is_flag=True, help="Open or update a pull request instead of pushing.")
@click.option("--dry-run", is_flag=True, help="Print the diff, change nothing; exit 3 if there is one.")
@output_option("text", "json")
@where
@author
@click.pass_obj
def command(
    context: "Context",
    source: str,
    target: str,
    unproved: bool,
    skip_stages: bool,
    add: bool,
    allow_older: bool,
    despite_hold: bool,
    pull_request: bool,
    dry_run: bool,
    form: str,
    url: str | None,
    branch: str,
    author: str,
) -> int:
    """Write the images that FROM has, tag and digest, into TO's overlay, in one commit.

    FROM must have had them as long as TO's `promotion.soak` says, and have passed its `promotion.checks`. The gates of
    an image, `scan` and `signature`, are asked again: what they let pass weeks ago may have a finding by now.

    \b
    gitops promote staging prod
    """
    from gitops.cli.gates import gate_of
    from gitops.cli.landing import land
    from gitops.manifest.bump import BumpOptions
    from gitops.manifest.promote import promote, promotion
    from gitops.manifest.review import topic_of

    with context.manifests(url, branch, (source, target)) as place:
        options = BumpOptions(add=add, allow_older=allow_older, despite_hold=despite_hold, author=author)
        wish = promotion(place.config, source, target, options, unproved=unproved, skip=skip_stages)
        gate, now = gate_of(context, place), datetime.now(UTC)
        intent = promote(wish, now, gate, config_file=place.config.file, prefix=place.prefix)
        topic = topic_of("promote", (source, target)) if pull_request else ""
        return land(context, place, intent, topic=topic, dry_run=dry_run, form=form)
