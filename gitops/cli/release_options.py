"""The options that `plan` and `deploy` share, and what they make of them."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import click

from gitops.cli.cache_option import no_cache_option
from gitops.cli.cluster_options import cluster_option, context_option
from gitops.cli.output_option import output_option

if TYPE_CHECKING:
    from gitops.cli.context import Context
    from gitops.config.overlays import Overlay
    from gitops.objects import KubeObject, ObjectRef
    from gitops.pipeline import Intent
    from gitops.plan.model import Release
    from gitops.plan.planner import Policy
    from gitops.revisions import Revisions

Command = Callable[..., Any]

_CHANGED = "Only overlays with a file that differs from REV, of all or of those named."
_OPTIONS = (
    click.argument("names", metavar="ENV...", nargs=-1),
    click.option("--all", "everything", is_flag=True, help="The platform's overlays, then every environment."),
    click.option("--changed-since", metavar="REV", default="", help=_CHANGED),
    cluster_option,
    context_option,
    output_option("text", "json", "markdown", "junit"),
    click.option("--diff", is_flag=True, help="Show a unified diff of each change."),
    click.option("--confirm", multiple=True, metavar="OBJECT", help="Allow to delete or replace this object."),
    click.option(
        "--take-ownership",
        multiple=True,
        metavar="OBJECT",
        help="Take this object's fields from others: of deployment tools, all.",
    ),
    click.option("--allow-prune", is_flag=True, help="Lift the limits on how many objects are deleted."),
    click.option("--prune/--no-prune", default=True, help="Delete what the new revision lacks."),
    no_cache_option,
)


@dataclass(frozen=True)
class Asked:
    """What the command line asks `plan` and `deploy` for: which overlays, where, what is allowed, in what form."""

    names: tuple[str, ...]
    everything: bool
    changed_since: str
    cluster: str
    kube_context: str
    form: str
    diff: bool
    confirm: tuple[str, ...]
    take_ownership: tuple[str, ...]
    allow_prune: bool
    prune: bool

    def overlays(self, context: "Context") -> "tuple[Overlay, ...]":
        """What it names, in the order of a first deploy; of these what a change since a revision reaches. Raises
        `UsageError` where it names nothing."""
        from gitops.config.overlays import ALL, in_order
        from gitops.errors import UsageError

        everything = self.everything or bool(self.changed_since and not self.names)
        if not self.names and not everything:
            known = ", ".join(dict.fromkeys(each.name for each in in_order(context.config, [ALL])))
            raise UsageError(context.config.file, "no environment is named", f"one or several of {known}; or --all")
        wanted = in_order(context.config, [*self.names, *([ALL] if everything else [])], self.cluster)
        return _changed(context, wanted, self.changed_since) if self.changed_since else wanted

    @property
    def policy(self) -> "Policy":
        """As the planner takes it."""
        from gitops.plan.planner import Policy

        allowed = frozenset(self.confirm), frozenset(self.take_ownership)
        return Policy(*allowed, prune=self.prune, allow_prune=self.allow_prune)


def release_options(command: Command) -> Command:
    """Give `command` the options that say what is planned, and under which policy: as one value, `asked`."""
    taken = [field.name for field in fields(Asked)]

    @functools.wraps(command)
    def called(**options: Any) -> Any:
        return command(asked=Asked(**{name: options.pop(name) for name in taken}), **options)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def _changed(context: "Context", overlays: "tuple[Overlay, ...]", revision: str) -> "tuple[Overlay, ...]":
    """Those of `overlays` that read a file which is not as it was at `revision`."""
    from gitops.cli.output import echo_error
    from gitops.clients.changes import changed_since

    changed = changed_since(context.root, revision)
    found = tuple(each for each in overlays if context.rendered(each.path).depends_on(changed))
    if not found:
        echo_error(f"no overlay changed since {revision}")
    return found


def release_of(context: "Context", overlay: "Overlay", target: str, revision: str, title: str) -> "Release":
    """What is about to be released."""
    from gitops.plan.model import Release

    owner = f"{context.config.name}/{overlay.name}"
    return Release(overlay.name, target, revision, title, owner, overlay.namespace)


def claims_of(context: "Context", overlay: "Overlay") -> "Callable[[], Mapping[ObjectRef, str]]":
    """What the other overlays of the same cluster have at this revision; rendered when it is asked."""

    def claims() -> "Mapping[ObjectRef, str]":
        from gitops.config.overlays import all_overlays

        others = [each for each in all_overlays(context.config) if each != overlay and each.cluster == overlay.cluster]
        there = [each for each in others if overlay.cluster and (context.root / each.path).is_dir()]
        found = ((each, other) for other in there for each in _objects(context, other))
        return {each.ref: other.name for each, other in found}

    return claims


def earlier_of(
    context: "Context", overlay: "Overlay", revisions: "Revisions"
) -> "Callable[[str], tuple[str, Sequence[KubeObject]]]":
    """What gives the title and objects that an overlay had at a revision."""
    from gitops.render import render

    def earlier(revision: str) -> "tuple[str, Sequence[KubeObject]]":
        with revisions.tree_at(revision) as tree:
            return revisions.title(revision), render(tree, overlay.path, remotes=context.remotes).objects

    return earlier


ASK_EVERY = 30.0
"""Seconds between two questions to the origin of the manifest repository during a wait."""
ASK_AFTER_FAILURE = 300.0
"""Seconds until an origin that did not answer is asked again: its silence must not slow the wait down."""


def newer_of(
    context: "Context", overlay: "Overlay", revisions: "Revisions", revision: str, now: Callable[[], float]
) -> Callable[[], str]:
    """What tells the newest commit of the manifest branch, where that was made on top of `revision` and changes what
    `overlay` renders to. An origin that does not answer, and a commit that does not render, are no reason to stop."""
    from gitops.errors import GitopsError

    earlier = earlier_of(context, overlay, revisions)
    due, judged = now() + ASK_EVERY, {revision: False}

    def changes(tip: str) -> bool:
        if not revisions.is_older(revision, tip):
            return False
        ours, theirs = earlier(revision)[1], earlier(tip)[1]
        return [each.body for each in ours] != [each.body for each in theirs]

    def newer() -> str:
        nonlocal due
        if now() < due:
            return ""
        tip = ""
        try:
            due = now() + ASK_AFTER_FAILURE
            tip = revisions.newest(context.config.manifests.branch)
            due = now() + ASK_EVERY
            if tip and tip not in judged:
                judged[tip] = changes(tip)
        except GitopsError:
            judged[tip] = False
        return tip if judged.get(tip) else ""

    return newer


def intent_of(
    context: "Context",
    overlay: "Overlay",
    policy: "Policy",
    revisions: "Revisions",
    allow_older: bool,
    rollback_on_failure: bool,
) -> "Intent":
    """What is asked of a deploy."""
    from gitops.pipeline import Intent

    earlier = earlier_of(context, overlay, revisions) if rollback_on_failure else None
    intent = Intent(policy, claims_of(context, overlay), earlier=earlier)
    return intent if allow_older else replace(intent, is_older=revisions.is_older)


def _objects(context: "Context", overlay: "Overlay") -> "Iterator[KubeObject]":
    """The objects of an overlay, each with and without a namespace: which of the two is true, the cluster knows."""
    for each in context.rendered(overlay.path).objects:
        yield each if each.namespace or not overlay.namespace else each.with_metadata(namespace=overlay.namespace)
        yield each.with_metadata(namespace="")
