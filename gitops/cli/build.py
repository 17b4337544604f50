"""`gitops build`: an image from a commit of the source repository, pushed."""

import json
import posixpath
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops.cli.context import Context
from gitops.cli.output import Progress, echo, echo_error, echo_json
from gitops.cli.output_option import form_option
from gitops.errors import GitopsError, UsageError

if TYPE_CHECKING:
    from gitops.config import Image
    from gitops.image import BuiltImage

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
"""What a registry takes as a tag (opencontainers/distribution-spec, spec.md, "Pulling manifests")."""


@click.command()
@click.argument("image", required=False)
@click.option(
    "--source", type=click.Path(path_type=Path), help="Clone of the source repository; the one here or beside."
)
@click.option("--revision", default="", help="Commit, tag or branch to build; the branch checked out by default.")
@click.option("--version", default="", help="A tag besides the commit's, such as 1.4.2.")
@click.option("--dirty", is_flag=True, help="Build the work tree with its uncommitted changes; the tag says so.")
@click.option("--rebuild", is_flag=True, help="Build again what was pushed already, on today's base image.")
@click.option("--network", help="Network of the build's steps, as in docker build --network.")
@click.option(
    "--image-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default="image.json",
    help="Where the result goes.  [image.json]",
)
@form_option(click.STRING, "text", "Form of the answer, text or json. Any other word is taken for --image-file.")
@click.pass_obj
def command(
    context: Context,
    image: str | None,
    source: Path | None,
    revision: str,
    version: str,
    dirty: bool,
    rebuild: bool,
    network: str | None,
    image_file: Path,
    form: str,
) -> None:
    """Build IMAGE from a commit of the source repository, and push it.

    Only what is committed is built. What was pushed already, from the same files, is not built again.

    \b
    gitops build
    gitops build backend-app --source ../eks-work-app --version 1.4.2
    """
    from gitops.cli.neighbours import source_directory
    from gitops.image import BuildRequest, build_image
    from gitops.source import open_source

    if version and not _TAG.fullmatch(version):
        raise UsageError("--version", f"cannot be '{version}'", "letters, digits, '.', '_' and '-', 128 at most")
    if dirty and revision:
        raise UsageError("--dirty", "builds the work tree, not a revision", "leave one of the two out")
    chosen = context.config.image(image or _only_image(context))
    again = f"r{datetime.now(UTC):%Y%m%dT%H%M%S}" if rebuild else ""
    request = BuildRequest(chosen, context.config.registry_host, version, network, again)
    folder = source or source_directory(context.config, context.config_path, Path.cwd())
    with open_source(folder, revision, dirty=dirty) as opened, Progress() as progress:
        _warn_of_docker_hub(chosen, opened.text(chosen.context, chosen.dockerfile))
        built = build_image(
            request,
            opened,
            builder=context.docker,
            registry=context.registry,
            credentials=context.registry_credentials,
            immutable=context.immutable_tags(chosen),
            report=progress.step,
        )
        left_out = [] if dirty or revision else opened.uncommitted(chosen.context)
    # A name there was that of the file before there were forms.
    image_file, form = (image_file, form) if form in ("text", "json") else (Path(form), "text")
    _write(image_file, built.document())
    if form == "json":
        echo_json(built.document())
    else:
        _show(built, left_out)
        first = context.config.environments[0].name
        echo(f"wrote {image_file} · next: gitops bump {chosen.name} --env {first} --from {image_file}")


def _warn_of_docker_hub(image: "Image", dockerfile: str) -> None:
    from gitops.docker_hub import docker_hub_bases

    file = posixpath.normpath(posixpath.join(image.context, image.dockerfile))
    for base in docker_hub_bases(dockerfile, image.build_args):
        problem = f"{base.image} is pulled from Docker Hub, which limits pulls by address"
        echo_error(f"warning: {file}:{base.line}: {problem}\n  try: {base.instead}")


def _show(built: "BuiltImage", left_out: list[str]) -> None:
    done = f"was pushed already, from {built.built_from[:7]}: skipped" if built.skipped else "built and pushed"
    echo(f"{built.name}  {built.tag}  {built.digest[:15]}…  {done}")
    echo(f"  {built.repository}:{built.tag}@{built.digest}")
    if left_out:
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        echo(f"  without what is not committed: {left_out[0]}{more} (--dirty builds it)")


def _only_image(context: Context) -> str:
    names = [image.name for image in context.config.images]
    if len(names) > 1:
        raise UsageError("gitops build", "which image?", "one of " + ", ".join(names))
    return names[0]


def _write(file: Path, document: dict[str, object]) -> None:
    try:
        file.write_text(json.dumps(document, indent=2) + "\n")
    except OSError as error:
        raise GitopsError(str(file), f"cannot be written ({error.strerror})", "give another --image-file") from error
