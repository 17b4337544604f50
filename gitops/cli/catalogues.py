"""`gitops catalogues`: what is known of AWS, how old that is, and how to make it new."""

from importlib import resources
from pathlib import Path

import click

from gitops.cli import Group, leave
from gitops.cli.context import Context
from gitops.cli.output import echo, echo_json, table
from gitops.cli.output_option import output_option
from gitops.errors import PENDING


@click.group(cls=Group)
def command() -> None:
    """What is known of AWS: managed policies, build images, EKS versions, allowed values."""


@command.command(short_help="Show the source and date of each.")
@output_option("text", "json")
def check(form: str) -> None:
    """Show each catalogue's source and date; exit 3 where one is too old to trust."""
    import datetime

    from gitops.template.catalogues import CATALOGUES, catalogue, stale

    rows = [(name, str(catalogue(name)["date"]), catalogue(name)["source"]) for name in CATALOGUES]
    old = stale(datetime.datetime.now(datetime.UTC).date())
    if form == "json":
        listed = [{"name": name, "date": date, "source": source} for name, date, source in rows]
        echo_json({"catalogues": listed, "stale": list(old)})
    else:
        echo("\n".join([table(rows), *old]))
    if old:
        leave(PENDING)


@command.command(short_help="Write them anew from AWS.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Where they are; this installation's by default."
)
@click.pass_obj
def refresh(context: Context, folder: Path | None) -> None:
    """Write the catalogues anew from IAM, EKS and CodeBuild, with the credentials in use (read only).

    A policy that is gone is noted as retired: write down its successor. An image that is new is named: look up its
    runtimes, and add it.
    """
    import datetime

    from gitops.clients import catalogue_sources
    from gitops.clients.folder import read_files, write_files
    from gitops.errors import GitopsError
    from gitops.template.catalogues import EKS, POLICIES, renewal

    region, today = context.config.region, datetime.datetime.now(datetime.UTC).date()
    folder = folder or Path(str(resources.files("gitops.template.catalogues")))
    names = [f"{POLICIES}.yaml", f"{EKS}.yaml"]
    files = {name: text.decode() for name, text in read_files(folder, names).items()}
    for name in names:
        if name not in files:
            raise GitopsError(str(folder / name), "is not there", "give the folder that the catalogues are in")
    renewed = {
        f"{POLICIES}.yaml": renewal.renew_policies(
            files[f"{POLICIES}.yaml"], catalogue_sources.managed_policies(region), today
        ),
        f"{EKS}.yaml": renewal.renew_versions(files[f"{EKS}.yaml"], catalogue_sources.eks_versions(region), today),
    }
    images = renewal.unlisted_images(catalogue_sources.build_images(region))
    write_files(folder, {name: each.text.encode() for name, each in renewed.items()})
    for name, each in renewed.items():
        echo(
            f"{folder / name}: {len(each.new)} new, {len(each.gone)} gone"
            + "".join(f"\n  gone  {n}" for n in each.gone)
        )
    for image in images:
        echo(f"{image}: is new; look up its runtimes, and add it to build_images.yaml")
