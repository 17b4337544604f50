"""`gitops rollback`: commit the last good state of an environment again, and hold it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gitops.cli.cluster_options import context_option
from gitops.cli.manifest_options import author, one_line
from gitops.cli.output_option import output_option

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.inventory import Inventory


@click.command()
@click.argument("name", metavar="ENV")
@click.option("--to", "to", default="", help="Revision; by default the last good release that was not as it is now.")
@click.option(
    "--reason", default="rollback", show_default=True, callback=one_line, help="Why, for those who meet the hold."
)
@context_option
@click.option("--dry-run", is_flag=True, help="Say what would be committed.")
@author
@output_option("text", "json")
@click.pass_obj
def command(
    context: "Context", name: str, to: str, reason: str, kube_context: str, dry_run: bool, author: str, form: str
) -> None:
    """Commit ENV's overlay as it was at an earlier revision, and hold ENV there.

    The commit goes to the manifest repository, so that git stays what is deployed; the hold keeps bumps and promotions
    from bringing the bad release back until gitops unhold.

    \b
    gitops rollback prod --reason "1.4.2 loses orders"
    gitops rollback prod --to 81d0e5c
    """
    from gitops.cli.written import show_said
    from gitops.manifest.hold import Hold
    from gitops.manifest.repository import Tree
    from gitops.manifest.rollback import Rollback, last_good, roll_back, shared_changes
    from gitops.revisions import Revisions

    environment = context.config.environment(name)
    revisions = Revisions(context.root)
    revision = revisions.resolve(to) if to else ""
    # The oldest commit of a shallow clone seems to have made all that there is.
    revisions.complete()
    inventory = None if to else _inventory(context, name, kube_context)
    with context.manifests(None, None) as place:
        folder = f"{place.prefix}/{environment.path}".lstrip("/")
        if inventory:
            revision = last_good(place.tree(), folder, inventory, revisions.is_in)
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        held = Hold(name, now, author or place.branch.objects.identity, reason)
        written = place.write(roll_back(Rollback(name, folder, revision, held, author), place.prefix), dry_run=dry_run)
        notes = place.settle(written)
        tree = Tree(place.branch.objects, written.base, place.branch.name)
        shared = shared_changes(tree, folder, revision, f"{place.prefix}/kustomize".lstrip("/"))
    said = [f"{name} goes back to {revision[:7]}, and is held there"]
    said += [f"  {edit.entry.path}" for edit in written.proposal.changed]
    if shared:
        said.append(f"not rolled back, as other environments share it: {', '.join(shared[:3])}")
    facts = {"environment": name, "revision": revision, "shared": shared, "dry_run": dry_run}
    show_said(said, written, place.branch.name, notes, form, **facts)


def _inventory(context: "Context", name: str, kube_context: str) -> "Inventory":
    """What was released, of which something was well."""
    from gitops.cli.release_options import release_of
    from gitops.config.overlays import overlays_named
    from gitops.errors import GitopsError

    (overlay,) = overlays_named(context.config, name)
    target = context.target(overlay, kube_context)
    inventory = target.inventory(release_of(context, overlay, target.name, "", ""))
    if not inventory.good:
        raise GitopsError(name, "has no good release that is known", "name one with --to; git log has them all")
    return inventory
