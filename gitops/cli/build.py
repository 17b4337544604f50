"""`gitops build`: an image from a commit of the source repository, pushed."""

import json
import re
from pathlib import Path

import click

from gitops.cli.context import Context
from gitops.cli.output import Progress, echo, echo_json
from gitops.errors import GitopsError, UsageError

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""What a registry takes as a tag (opencontainers/distribution-spec, spec.md, "Pulling manifests")."""


@click.command()
@click.argument("image", required=False)
@click.option("--source", type=click.Path(path_type=Path), default=".", help="Clone of the source repository.  [.]")
@click.option("--revision", default="", help="Commit, tag or branch to build; the branch checked out by default.")
@click.option("--version", default="", help="A tag besides the commit's, such as 1.4.2.")
@click.option("--dirty", is_flag=True, help="Build the work tree with its uncommitted changes; the tag says so.")
@click.option("--network", help="Network of the build's steps, as in docker build --network.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="image.json",
    help="Where the result goes.  [image.json]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON too.")
@click.pass_obj
def command(
    context: Context,
    image: str | None,
    source: Path,
    revision: str,
    version: str,
    dirty: bool,
    network: str | None,
    output: Path,
    as_json: bool,
) -> None:
    """Build IMAGE from a commit of the source repository, and push it.

    Only what is committed is built. What was pushed already, from the same files, is not built again.

    \b
    gitops build backend-app --source ../eks-work-app
    gitops build backend-app --source ../eks-work-app --version 1.4.2
    """
    from gitops.image import BuildRequest, build_image
    from gitops.source import open_source

    if version and not _TAG.fullmatch(version):
        raise UsageError("--version", f"cannot be '{version}'", "letters, digits, '.', '_' and '-', 128 at most")
    chosen = context.config.image(image or _only_image(context))
    request = BuildRequest(chosen, context.config.registry_host, version, network)
    with open_source(source, revision, dirty=dirty) as opened, Progress() as progress:
        built = build_image(
            request,
            opened,
            builder=context.docker,
            registry=context.registry,
            credentials=context.registry_credentials,
            immutable=context.immutable_tags(chosen),
            report=progress.step,
        )
    _write(output, built.document())
    done = f"was pushed already, from {built.built_from[:7]}: skipped" if built.skipped else "built and pushed"
    echo(f"{built.name}  {built.tag}  {built.digest[:19]}…  {done}")
    echo(f"  {built.repository}:{built.tag}@{built.digest}")
    echo(
        f"wrote {output} · next: gitops bump {chosen.name} --env {context.config.environments[0].name} --from {output}"
    )
    if as_json:
        echo_json(built.document())


def _only_image(context: Context) -> str:
    names = [image.name for image in context.config.images]
    if len(names) > 1:
        raise UsageError("gitops build", "which image?", "one of " + ", ".join(names))
    return names[0]


def _write(output: Path, document: dict[str, object]) -> None:
    try:
        output.write_text(json.dumps(document, indent=2) + "\n")
    except OSError as error:
        raise GitopsError(str(output), f"cannot be written ({error.strerror})", "give another --output") from error
