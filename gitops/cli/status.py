"""`gitops status`: what is where, and how it is."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.config.overlays import Overlay
    from gitops.inventory import Inventory
    from gitops.revisions import Revisions

_COLUMNS = ("ENV", "CLUSTER", "REVISION", "IMAGE", "AGE", "HEALTH", "DRIFT", "HOLD", "LAST DEPLOY")


@click.command()
@click.argument("name", metavar="[ENV]", default="")
@click.option("--context", "kube_context", default="", help="Context of the kubeconfig to use; or in-cluster.")
@click.option("--output", "-o", "form", type=click.Choice(["text", "json"]), default="text")
@click.pass_obj
def command(context: "Context", name: str, kube_context: str, form: str) -> None:
    """Show the revision, image, age, health, drift, hold and last deploy of ENV, or of every environment."""
    from gitops.cli.output import echo, echo_json, table
    from gitops.config.overlays import all_overlays, overlays_named
    from gitops.revisions import Revisions

    wanted = overlays_named(context.config, name) if name else all_overlays(context.config)
    revisions = Revisions(context.root)
    held = _holds(context, [overlay.name for overlay in wanted])
    rows = [
        _row(context, overlay, kube_context, revisions) | {"hold": held.get(overlay.name, "")} for overlay in wanted
    ]
    if form == "json":
        echo_json(rows)
    else:
        keys = [column.lower() for column in _COLUMNS]
        echo(table([_COLUMNS, *(tuple(str(row[key] or "-") for key in keys) for row in rows)]))


def _row(context: "Context", overlay: "Overlay", kube_context: str, revisions: "Revisions") -> dict[str, Any]:
    """One environment. A cluster that does not answer is said in its row: the others are still worth seeing."""
    from gitops.errors import GitopsError

    blank = dict.fromkeys((column.lower() for column in _COLUMNS), "")
    try:
        return blank | _facts(context, overlay, kube_context, revisions)
    except GitopsError as error:
        where = overlay.cluster or "-"
        return blank | {"env": overlay.name, "cluster": where, "health": f"unknown: {error.subject}: {error.problem}"}


def _facts(context: "Context", overlay: "Overlay", kube_context: str, revisions: "Revisions") -> dict[str, Any]:
    from gitops.cli.release_options import earlier_of, release_of
    from gitops.pipeline import compare_released
    from gitops.plan.drift import drifts

    target = context.target(overlay, kube_context)
    release = release_of(context, overlay, target.name, "", "")
    inventory = target.inventory(release)
    facts = {"env": overlay.name, "cluster": target.name}
    if inventory.deployed is None:
        return facts | {"health": "not deployed", "last deploy": _last(inventory)}
    plan = compare_released(release, target, earlier_of(overlay, revisions))
    assert plan is not None
    found = len(drifts(plan))
    return facts | {
        "revision": inventory.deployed.revision[:7],
        "image": ", ".join(map(_short, inventory.deployed.images)),
        "age": _age(inventory.deployed.ended),
        "health": _health(plan),
        "drift": f"{found} field{'' if found == 1 else 's'}" if found else "none",
        "last deploy": _last(inventory),
    }


def _health(plan: Any) -> str:
    """Healthy, or the first object that is not, and why."""
    from gitops.status import State, status

    for change in plan.changes:
        if change.desired and change.live is None:
            return f"{change.ref} is missing"
        if change.desired and (now := status(change.live.body)).state is not State.READY:
            return f"{change.ref} {now.state}: {now.message}"
    return "healthy"


def _last(inventory: "Inventory") -> str:
    last = inventory.last
    return f"{last.result} {last.revision[:7]}, {_age(last.started)} ago" if last else ""


def _age(moment: str) -> str:
    """ "12 m", "6 d"; empty where the time is not known."""
    if not moment:
        return ""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _short(image: str) -> str:
    """Name, tag and the start of the digest of an image."""
    name, _, digest = image.partition("@")
    return name.rpartition("/")[2] + (f"@{digest[7:15]}" if digest else "")


def _holds(context: "Context", names: list[str]) -> dict[str, str]:
    """Environment -> why it is held, on the branch that bumps obey."""
    from gitops.manifest.hold import read_holds
    from gitops.manifest.repository import Tree

    with context.manifests(None, None) as place:
        tree = Tree(place.branch.objects, place.branch.tip(), place.branch.name)
        holds = read_holds(tree, names, place.prefix)
    return {name: f"since {hold.since}: {hold.reason}" for name, hold in holds.items()}
