"""`gitops pipeline logs`: the log of a build."""

import click

from gitops.cli.context import Context
from gitops.cli.output import echo


@click.command()
@click.argument("build")
@click.option("--follow", "-f", is_flag=True, help="Go on until the build has ended.")
@click.pass_obj
def command(context: Context, build: str, follow: bool) -> None:
    """Print the log of the newest BUILD: build, bump, validate, review, deploy-platform, or deploy-ENV.

    Ends with 1 where the build failed, after saying in which phase and why.
    """
    from gitops.clients.codebuild import Builds
    from gitops.errors import GitopsError, UsageError, nearest
    from gitops.template import names

    duties = list(names.projects(context.config))
    if build not in duties:
        raise UsageError(context.config.file, f"there is no build '{build}'", nearest(build, duties))
    builds = Builds(context.config.region)
    latest = builds.latest(names.project(context.config, build))
    for line in builds.log(latest, follow):
        echo(line)
    ended = builds.build(latest.id)
    if ended.failed_phase:
        raise GitopsError(ended.id, f"failed in phase {ended.failed_phase}: {ended.reason or 'no reason given'}")
    echo(f"{ended.id} · {ended.status.lower().replace('_', ' ')}")
