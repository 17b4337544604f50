"""`gitops bump`: write an image's tag and digest into overlays, in one commit, and push it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitops.cli.output import echo, echo_json, style
from gitops.errors import DONE, PENDING, GitopsError, UsageError

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.manifest.bump import WantedImage
    from gitops.manifest.repository import Written

LISTED = 20
"""Environments that are shown one by one."""


@click.command()
@click.argument("image")
@click.option("--env", "-e", "environments", multiple=True, help="Environment; may be repeated.")
@click.option("--all", "everywhere", is_flag=True, help="Every kustomization of the repository that has the image.")
@click.option("--tag", help="Tag; its digest is read from the registry.")
@click.option("--digest", help="Digest, as in sha256:…; with --tag, or alone where the overlay has no tag.")
@click.option("--from", "build", type=click.Path(path_type=Path), help="image.json that gitops build wrote.")
@click.option("--repository", "url", help="URL of the manifest repository, to work without a clone of it.")
@click.option("--branch", default="main", show_default=True, help="Its branch, with --repository.")
@click.option("--add", is_flag=True, help="Add an images entry where an overlay has none.")
@click.option("--allow-older", is_flag=True, help="Go back to an older build.")
@click.option("--despite-hold", is_flag=True, help="Change environments that are held.")
@click.option("--author", default="", help='Author of the commit, as in "Name <address>".')
@click.option("--build-url", default="", envvar="CODEBUILD_BUILD_URL", help="Build that asks for it, for a trailer.")
@click.option("--dry-run", is_flag=True, help="Print the diff, change nothing; exit 3 if there is one.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
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
    allow_older: bool,
    despite_hold: bool,
    author: str,
    build_url: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Write IMAGE's tag and digest into the overlays of environments, and push the commit.

    Tag and digest are written as one unit, no other byte of a file is changed, and a branch that moved is read again.

    \b
    gitops bump backend-app --env staging --tag 1.4.2
    gitops bump backend-app --env staging --from image.json
    """
    from gitops.manifest.bump import BumpOptions, bump

    if bool(environments) == everywhere:
        raise UsageError("gitops bump", "needs environments (--env), or --all", "gitops bump IMAGE --env ENV")
    with context.manifests(url, branch, environments) as place:
        wanted = _wanted(context, image, tag, digest, build, build_url)
        choose = place.everywhere() if everywhere else place.overlays(environments)
        # What a build asks for may be overtaken or held, which is no failure of the build; a person is told no.
        options = BumpOptions(add, everywhere, build is None, allow_older, despite_hold, author)
        intent = bump(wanted, choose, options, place.prefix)
        written = place.write(intent, dry_run=dry_run)
        notes = place.settle(written)
    if as_json:
        echo_json(_document(written))
    else:
        _show(written, place.branch.name, dry_run)
        for note in notes:
            echo(note)
    return PENDING if dry_run and written.proposal.changed else DONE


def _wanted(
    context: "Context", name: str, tag: str | None, digest: str | None, build: Path | None, build_url: str
) -> "WantedImage":
    """What the options say that the overlays shall say; a tag's digest is read from the registry."""
    from gitops.manifest.bump import WantedImage
    from gitops.manifest.image_file import read_image_file
    from gitops.manifest.wanted import wanted_image

    image = context.config.image(name)
    if build and (tag or digest):
        raise UsageError("--from", "says tag and digest already", "leave --tag and --digest out")
    if build:
        return read_image_file(_read(build), str(build), image.name, build_url)
    repository = context.config.image_repository(image)
    if digest:
        return WantedImage(image.name, repository, tag or "", digest, build_url=build_url)
    if not tag:
        raise UsageError("gitops bump", "needs --tag, --digest or --from", "--tag 1.4.2, or --from image.json")
    return wanted_image(image, repository, tag, context.registry, build_url)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GitopsError(str(path), f"cannot be read ({error.strerror})", "gitops build writes it") from error


def _show(written: "Written", branch: str, dry_run: bool) -> None:
    """What was changed, line by line, and where it is now."""
    from gitops.manifest.bump import BumpProposal, changed_lines, unified_diff, version_change

    proposal = written.proposal
    assert isinstance(proposal, BumpProposal)
    edits = {edit.entry.path: edit for edit in proposal.changed}
    width = max(len(change.environment) for change in proposal.images)
    for change in proposal.images[:LISTED]:
        edit = edits.get(change.path)
        what = version_change(change)
        if change.kept:
            what = f"stays at {change.before.new_tag or change.before.digest[:15] if change.before else 'nothing'}"
        elif not edit:
            what += ", as it is"
        digest = f"  {change.after.digest[:15]}…" if change.after.digest else ""
        echo(f"{change.environment:{width}}  {change.after.name}  {style(what, 'bold')}{digest}")
        for number, line in changed_lines(edit) if edit and not dry_run else []:
            echo(f"  {change.path}:{number}   {_shortened(line)}")
    if len(proposal.images) > LISTED:
        echo(f"… and {len(proposal.images) - LISTED} more")
    if dry_run:
        for edit in proposal.changed:
            echo(unified_diff(edit))
    for change in proposal.images:
        if change.kept:
            echo(f"{change.environment}: {change.kept}")
    echo(_ending(written, branch, dry_run))


def _shortened(line: str) -> str:
    return re.sub(r"(sha256:[0-9a-f]{8})[0-9a-f]{56}", r"\1…", line)


def _ending(written: "Written", branch: str, dry_run: bool) -> str:
    if not written.proposal.changed:
        return f"nothing to change in {branch}"
    if dry_run:
        count = len(written.proposal.changed)
        return f"would commit {count} {'file' if count == 1 else 'files'} to {branch} · nothing was written (--dry-run)"
    again = f" · at try {written.attempts}, as the branch moved" if written.attempts > 1 else ""
    return f"{written.verb} {written.commit[:7]} to {branch}{again}"


def _document(written: "Written") -> dict[str, Any]:
    """The outcome for programs."""
    from dataclasses import asdict

    from gitops.manifest.bump import BumpProposal

    assert isinstance(written.proposal, BumpProposal)
    return {
        "commit": written.commit,
        "base": written.base,
        "changed": [edit.entry.path for edit in written.proposal.changed],
        "images": [asdict(change) for change in written.proposal.images],
    }
