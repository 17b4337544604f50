"""`gitops status`: what is where, and how it is."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gitops.cli.cluster_options import context_option
from gitops.cli.output_option import output_option
from gitops.errors import count_of
from gitops.hidden import without

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gitops.cli.context import Context
    from gitops.clients.cluster import Reader
    from gitops.config.overlays import Overlay
    from gitops.inventory import Inventory
    from gitops.plan.model import Plan
    from gitops.revisions import Revisions

_COLUMNS = ("ENV", "CLUSTER", "REVISION", "IMAGE", "AGE", "HEALTH", "DRIFT", "LAST", "HOLD")
"""What the table shows; JSON has the details too."""
_WHOLE = ("revision", "image", "age", "health", "drift", "last")
"""Columns that are short by themselves."""
UNREAD = "unknown"
"""What could not be read: the health where nobody answers, the hold where the branch is not to be had."""
PATIENCE = 25.0
"""Seconds that one git command may take to read the holds: as long as a cluster that never answers is asked."""
AT_ONCE = 8
"""Environments that are read at the same time."""
WIDEST = 16
"""Characters of a cell; what is longer is cut, and its end is in JSON."""


@click.command()
@click.argument("name", metavar="[ENV]", default="")
@context_option
@output_option("text", "json")
@click.pass_obj
def command(context: "Context", name: str, kube_context: str, form: str) -> int:
    """Show the revision, image and digest, age, health, drift, hold and last deploy of ENV, or of every environment.

    What cannot be read is unknown, with the reason below; the rest is shown all the same, and the exit code is then 1.
    """
    from concurrent.futures import ThreadPoolExecutor

    from gitops.cli.output import echo, echo_error, echo_json, fitted
    from gitops.config.overlays import all_overlays, overlays_named
    from gitops.errors import DONE, FAILED
    from gitops.revisions import Revisions

    wanted = overlays_named(context.config, name) if name else all_overlays(context.config)
    revisions = Revisions(context.root)
    # At once: what does not answer, a cluster or the manifest repository, takes its time to be given up.
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="status") as pool:
        holds = pool.submit(_holds, context, [overlay.name for overlay in wanted])
        found = pool.map(lambda overlay: _row(context, overlay, kube_context, revisions), wanted)
        held, unread = holds.result()
        rows = [row | _held(held, overlay.name) for overlay, row in zip(wanted, found, strict=True)]
    if form == "json":
        echo_json(rows)
    else:
        keys = [column.lower() for column in _COLUMNS]
        cells = [tuple(_cell(str(row[key] or "-"), key) for key in keys) for row in rows]
        echo(fitted([_COLUMNS, *cells], whole=[keys.index(key) for key in _WHOLE]))
        for row in rows:
            for detail in row["details"]:
                echo(f"{row['env']}: {detail}")
            if row["held"]:
                echo(f"{row['env']}: held {row['held']}")
    if unread:
        echo_error(f"holds are unknown: {unread}")
    return FAILED if unread or any(row["health"] == UNREAD or row["unread"] for row in rows) else DONE


def _row(context: "Context", overlay: "Overlay", kube_context: str, revisions: "Revisions") -> dict[str, Any]:
    """One environment. What does not answer is said in its row, beside what was read until then: that, and the others,
    are still worth seeing."""
    from gitops.errors import GitopsError

    row: dict[str, Any] = dict.fromkeys((column.lower() for column in _COLUMNS), "") | {"details": []}
    row |= {"env": overlay.name, "cluster": overlay.cluster, "images": (), "unread": 0}
    try:
        for facts in _facts(context, overlay, kube_context, revisions):
            row |= facts
    except GitopsError as error:
        row |= {"health": UNREAD, "details": [*row["details"], f"{error.subject}: {error.problem}"]}
    return row


def _facts(
    context: "Context", overlay: "Overlay", kube_context: str, revisions: "Revisions"
) -> "Iterator[dict[str, Any]]":
    """What the inventory says; and then how it is by now."""
    from gitops.cli.release_options import earlier_of, release_of
    from gitops.pipeline import compare_released
    from gitops.plan.drift import drifts, unread
    from gitops.plan.summary import images
    from gitops.target.cluster import ClusterTarget

    target = context.target(overlay, kube_context)
    release = release_of(context, overlay, target.name, "", "")
    inventory = target.inventory(release)
    last = _last(inventory)
    yield {"cluster": target.name.removeprefix("branch "), "health": "not deployed", **last}
    deployed = inventory.deployed
    if deployed is None:
        return
    yield {"revision": deployed.revision[:7], "age": _age(deployed.ended)}
    yield {"image": _image(deployed.images), "images": deployed.images}
    plan = compare_released(release, target, earlier_of(context, overlay, revisions))
    assert plan is not None
    if not deployed.images:
        yield {"image": _image(images(plan)), "images": images(plan)}
    health, why = _health(plan, target.cluster) if isinstance(target, ClusterTarget) else ("rendered", [])
    found = len(drifts(plan))
    drift = count_of(found, "field") if found else "none"
    said = [f"{change.ref} {change.note}" for change in unread(plan)]
    yield {"health": health, "drift": drift, "details": [*last["details"], *why, *said], "unread": len(said)}


def _health(plan: "Plan", reader: "Reader") -> tuple[str, list[str]]:
    """Healthy; or the worst state of any object, and what is the matter with the first of those."""
    from gitops.apply.claims import waits_for_a_pod
    from gitops.status import State, status

    desired = [change for change in plan.changes if change.desired]
    live = {change.ref: change.live for change in desired if change.live}
    found = {ref: status(each.body) for ref, each in live.items()}
    for state in (State.FAILED, State.TERMINATING, State.WAITING):
        for ref, now in found.items():
            if now.state is state and not waits_for_a_pod(reader, live[ref]):
                return state.value, [f"{ref} {now.message}"]
    missing = [str(change.ref) for change in desired if change.live is None]
    return ("missing", [f"{missing[0]} is not there"]) if missing else ("healthy", [])


def _held(holds: "Mapping[str, str] | None", name: str) -> dict[str, Any]:
    if holds is None:
        return {"hold": UNREAD, "held": ""}
    why = holds.get(name, "")
    return {"hold": why.partition(": ")[0], "held": why}


def _cell(text: str, column: str = "") -> str:
    # Hidden before it is cut: half of a secret would not be known for one.
    text = without(text)
    return text if len(text) <= WIDEST or column in _WHOLE else f"{text[: WIDEST - 1]}…"


def _last(inventory: "Inventory") -> dict[str, Any]:
    """How the last release ended; in more words where that was not well."""
    last = inventory.last
    if last is None:
        return {"last": "", "details": []}
    if last.result == "deployed":
        return {"last": last.result, "details": []}
    if inventory.recovered:
        return {"last": last.result, "details": ["its inventory was lost: the next deploy writes it anew"]}
    verb = "is" if last.result == "applying" else "was" if last.result in ("superseded", "interrupted") else "has"
    said = f"the last deploy, of {last.revision[:7]} {_age(last.started)} ago, {verb} {last.result}"
    return {"last": last.result, "details": [said]}


def _age(moment: str) -> str:
    """ "12 m", "6 d"; empty where the time is not known."""
    try:
        since = datetime.fromisoformat(moment)
    except ValueError:
        return ""
    seconds = (datetime.now(UTC) - (since if since.tzinfo else since.replace(tzinfo=UTC))).total_seconds()
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _image(images: tuple[str, ...]) -> str:
    """Tag and start of the digest of the one image; of several, how many."""
    if len(images) != 1:
        return f"{len(images)} images" if images else ""
    name, _, digest = images[0].partition("@")
    tag = _cell(name.rpartition("/")[2].partition(":")[2])
    return "@".join(part for part in (tag, digest.partition(":")[2][:8]) if part)


def _holds(context: "Context", names: list[str]) -> tuple[dict[str, str] | None, str]:
    """Environment -> why it is held, on the branch that bumps obey; None, and why, where that cannot be read."""
    from gitops.errors import GitopsError
    from gitops.manifest.hold import read_holds
    from gitops.manifest.repository import Tree

    try:
        with context.manifests(None, None) as place:
            place.branch.objects.git.patience = PATIENCE
            tree = Tree(place.branch.objects, place.branch.tip(), place.branch.name)
            holds = read_holds(tree, names, place.prefix)
    except GitopsError as error:
        return None, str(error)
    return {name: f"since {_since(hold.since)}: {hold.reason}" for name, hold in holds.items()}, ""


def _since(moment: str) -> str:
    """The time of today, else the date, UTC."""
    today = datetime.now(UTC).date().isoformat()
    return moment[11:16] if moment[:10] == today and moment[11:16] else moment[:10]
