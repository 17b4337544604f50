"""`gitops bump`: write an image's tag and digest into overlays, in one commit, and push it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops.cli.manifest_options import author, where
from gitops.cli.output_option import output_option
from gitops.errors import GitopsError, UsageError

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.config import Image
    from gitops.manifest.bump import WantedImage


@dataclass(frozen=True)
class Given:
    """What the options say of the image: a build's file; or a tag, a digest, or both."""

    tag: str
    digest: str
    build: Path | None
    build_url: str


@click.command()
@click.argument("image")
@click.option("--env", "-e", "environments", multiple=True, help="Environment; may be repeated.")
@click.option("--all", "everywhere", is_flag=True, help="Every kustomization of the repository that has the image.")
@click.option("--tag", help="Tag; its digest is read from the registry. Without it the environment's policy chooses.")
@click.option("--digest", help="Digest, as in sha256:…; with --tag, or alone where the overlay has no tag.")
@click.option("--from", "build", type=click.Path(path_type=Path), help="image.json that gitops build wrote.")
@where
@click.option("--add", is_flag=True, help="Add an images entry where an overlay has none.")
@click.option("--unchecked", is_flag=True, help="Do not ask the registry whether it has the digest. Gates still hold.")
@click.option("--allow-older", is_flag=True, help="Go back to an older build.")
@click.option("--despite-hold", is_flag=True, help="Change environments that are held.")
@author
@click.option("--build-url", default="", envvar="CODEBUILD_BUILD_URL", help="Build that asks for it, for a trailer.")
@click.option("--pull-request", is_flag=True, help="Open or update a pull request instead of pushing.")
@click.option("--dry-run", is_flag=True, help="Print the diff, change nothing; exit 3 if there is one.")
@output_option("text", "json")
@click.pass_obj
def command(
    context: "Context",
    image: str,
    environments: tuple[str, ...],
    everywhere: bool,
    tag: str | None,
    digest: str | None,
    build: Path | None,
    url: str | None,
    branch: str,
    add: bool,
    unchecked: bool,
    allow_older: bool,
    despite_hold: bool,
    author: str,
    build_url: str,
    pull_request: bool,
    dry_run: bool,
    form: str,
) -> int:
    """Write IMAGE's tag and digest into the overlays of environments, and push the commit.

    Tag and digest are written as one unit, no other byte of a file is changed, and a branch that moved is read again.

    \b
    gitops bump backend-app --env staging --tag 1.4.2
    gitops bump backend-app --env staging --from image.json
    """
    from gitops.cli.gates import gate_of
    from gitops.cli.landing import land
    from gitops.manifest.bump import BumpOptions, bump
    from gitops.manifest.review import topic_of

    if bool(environments) == everywhere:
        raise UsageError("gitops bump", "needs environments (--env), or --all", "gitops bump IMAGE --env ENV")
    if build and (tag or digest):
        raise UsageError("--from", "says tag and digest already", "leave --tag and --digest out")
    with context.manifests(url, branch, environments, whole=everywhere) as place:
        configured = place.config.image(image)
        choose = place.everywhere() if everywhere else place.overlays(environments)
        if not (tag or digest or build):
            tag = _tag_by_policy(context, configured, environments)
        wanted = _wanted(context, configured, Given(tag or "", digest or "", build, build_url), unchecked)
        gate_of(context, place)(lambda path: place.tree().read_file(path), configured.name, wanted.digest)
        # What a build asks for may be overtaken or held, which is no failure of the build; a person is told no.
        options = BumpOptions(add, everywhere, build is None, allow_older, despite_hold, author)
        intent = bump(wanted, choose, options, place.prefix, place.fields(environments), place.folders())
        topic = topic_of(wanted.name, environments) if pull_request else ""
        return land(context, place, intent, topic=topic, dry_run=dry_run, form=form)


def _wanted(context: "Context", image: "Image", given: "Given", unchecked: bool) -> "WantedImage":
    """What the options say that the overlays shall say, as the registry has it."""
    from gitops.manifest.bump import WantedImage
    from gitops.manifest.image_file import read_image_file
    from gitops.manifest.images import check_image
    from gitops.manifest.wanted import checked_image, refuse_moved_tag, wanted_image

    repository = context.config.image_repository(image)
    check_image(repository, given.tag, given.digest)
    if given.build:
        wanted = read_image_file(_read(given.build), str(given.build), image.name, given.build_url)
    elif given.digest:
        wanted = WantedImage(image.name, repository, given.tag, given.digest, build_url=given.build_url)
    else:
        return wanted_image(image, repository, given.tag, context.registry, given.build_url)
    if unchecked:
        return wanted
    if wanted.repository != repository:
        problem = f"is of {wanted.repository}, not of {repository}"
        raise GitopsError(str(given.build), problem, "check `registry` in gitops.yaml, or --unchecked")
    if not given.build:
        # A build's tag may have moved on to a newer one: its digest counts.
        refuse_moved_tag(wanted, image, context.registry)
    return checked_image(wanted, image, context.registry)


def _tag_by_policy(context: "Context", image: "Image", environments: tuple[str, ...]) -> str:
    """The tag that the environments' policy wants; they must agree on one."""
    from gitops.manifest.wanted import tag_by_policy

    policies = {context.config.environment(environment).policy for environment in environments}
    if not policies or None in policies:
        hint = "--tag 1.4.2, --from image.json, or a policy in gitops.yaml"
        raise UsageError("gitops bump", "needs --tag, --digest or --from", hint)
    if len(policies) > 1:
        problem = f"{', '.join(environments)} have different policies"
        raise UsageError("gitops bump", problem, "bump them one by one, or name a --tag")
    return tag_by_policy(image, str(policies.pop()), context.registry)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GitopsError(str(path), f"cannot be read ({error.strerror})", "gitops build writes it") from error
