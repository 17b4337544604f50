"""A promotion as an intent: the images that one environment has proved, all of them together, go to the next."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitops.clients.git_objects import TreeEntry
from gitops.config import Config, Environment
from gitops.config.model import UNRELEASED
from gitops.errors import GitopsError, UsageError
from gitops.manifest.bump import (
    BumpOptions,
    BumpProposal,
    ImageChange,
    WantedImage,
    bump,
    find_kustomizations,
    image_trailers,
    join,
    overlays_of,
    version_change,
)
from gitops.manifest.checks import missing_checks, read_checks
from gitops.manifest.current import Current, current_images
from gitops.manifest.history import build_times, changed_at
from gitops.manifest.images import ImageEntry
from gitops.manifest.repository import FileEdit, Intent, Message, Tree

Gate = Callable[[Callable[[str], bytes], str, str], None]
"""Raises `GitopsError` where the gates of an image, given by its name, do not let a digest pass.

What comes first reads a file of the manifest repository: a key.
"""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Promotion:
    """From where to where, and what is required of it."""

    source: Environment
    target: Environment
    repositories: Mapping[str, str]
    """Names of the images that go together, and the repository of each."""
    folders: Mapping[str, str]
    """Where the overlay of each environment is, below gitops.yaml."""
    options: BumpOptions
    unproved: bool = False
    """Do without soak time and checks."""


def promotion(
    config: Config, source: str, target: str, options: BumpOptions, *, unproved: bool, skip: bool
) -> Promotion:
    """The promotion from `source` to `target`. Raises `UsageError` against the declared order, unless `skip`."""
    first, last = config.environment(source), config.environment(target)
    order = [environment.name for environment in config.environments]
    distance = order.index(target) - order.index(source)
    if distance < 1:
        problem = f"'{target}' does not come after '{source}'"
        raise UsageError(config.file, problem, f"the order is {' -> '.join(order)}")
    if distance > 1 and not skip:
        between = order[order.index(source) + 1 : order.index(target)]
        problem = f"from '{source}' to '{target}' leaves out {', '.join(between)}"
        raise UsageError(config.file, problem, "promote stage by stage, or say --skip-stages")
    folders = {environment.name: environment.path for environment in config.environments}
    return Promotion(first, last, config.image_repositories(), folders, options, unproved)


def promote(wish: Promotion, now: datetime, gate: Gate, *, config_file: str, prefix: str = "") -> Intent:
    """The intent that the target's overlay says the images of the source's.

    Applied to a tree it raises `GitopsError` where they are not proved (not long enough there, or a check is missing),
    and where `gate` does not let one pass that the target has not yet.
    """

    def propose(tree: Tree) -> BumpProposal:
        source = wish.source.name
        folder = join(prefix, wish.folders[source])
        overlay = find_kustomizations(tree, {source: folder}, config_file, plain=True)
        current = current_images(tree, overlay, wish.repositories, {source: wish.source.fields}, prefix)[source]
        images = _images(current, overlay[source].path, wish.repositories)
        if not wish.unproved:
            refuse_unproved(tree, wish, images, current.paths, now, prefix)
        return _carry(tree, wish, images, gate, config_file, prefix)

    return propose


def _images(current: Current, path: str, names: Mapping[str, str]) -> list[ImageEntry]:
    """The images that go. Raises `GitopsError` where there is none, or one that does not say what it is."""
    images = [entry for entry in current.images if entry.name in names]
    if not images:
        raise GitopsError(path, "has none of the config's images", "bump one into it: gitops bump")
    for image in images:
        if image.digest == UNRELEASED:
            raise GitopsError(path, f"has no release of {image.name} yet", "bump one into it: gitops bump")
        if not image.digest:
            raise GitopsError(path, f"has no digest for {image.name}", "bump it, so that what was tested is what goes")
        if other := next((each for each in images if each.name == image.name and each != image), None):
            problem = f"runs {image.name} as {image.new_tag} and as {other.new_tag}"
            raise GitopsError(path, problem, "bump it, so that one of them is everywhere")
    return images


def refuse_unproved(
    tree: Tree, wish: Promotion, images: Sequence[ImageEntry], paths: Sequence[str], now: datetime, prefix: str
) -> None:
    """Raise `GitopsError` unless the images have soaked, and passed the checks, that the target requires."""
    source, rules = wish.source.name, wish.target.promotion
    since = changed_at(tree, source, paths)
    soak = duration(rules.soak)
    if soak and since is None:
        raise GitopsError(source, "how long it has its images cannot be told from the commits at hand", "use a clone")
    if since and now - since < soak:
        there = int((now - since).total_seconds() // 60)
        problem = f"has its images for {there} min of {rules.soak}"
        raise GitopsError(source, problem, f"wait until {(since + soak).isoformat(timespec='minutes')}, or --unproved")
    digests = {image.name: image.digest for image in images}
    missing = missing_checks(read_checks(tree, source, prefix), rules.checks, digests)
    if missing:
        problem = f"has not passed {', '.join(missing)} with these images"
        raise GitopsError(source, problem, f"gitops verify {source} {missing[0]}, once it has; or --unproved")


def duration(text: str) -> timedelta:
    """ "30m", "12h", "2d", "45s" as a duration."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


class _Edited(Tree):
    """A tree, with files as edits that are not written yet leave them."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree.objects, tree.commit, tree.name)
        self.edits: dict[str, FileEdit] = {}

    def read(self, entries: Sequence[TreeEntry]) -> dict[str, bytes]:
        after = {path: edit.after for path, edit in self.edits.items() if edit.after is not None}
        return {path: after.get(path, data) for path, data in super().read(entries).items()}

    def edit(self, edits: Sequence[FileEdit]) -> None:
        """Read what `edits` write from now on."""
        for new in edits:
            first = self.edits.get(new.entry.path, new)
            self.edits[new.entry.path] = replace(new, before=first.before)


def _carry(
    tree: Tree, wish: Promotion, images: Sequence[ImageEntry], gate: Gate, config_file: str, prefix: str
) -> BumpProposal:
    """The bumps of the target to each of `images`, as one."""
    name, edited = wish.target.name, _Edited(tree)
    changes: list[ImageChange] = []
    wanted: list[WantedImage] = []
    choose = overlays_of({name: wish.folders[name]}, config_file=config_file, prefix=prefix)
    folders = {each: join(prefix, folder) for each, folder in wish.folders.items()}
    # All of a release go together, or none: what must stay is an error here.
    options = replace(wish.options, strict=True)
    built = build_times(tree, [image.digest for image in images])
    for image in images:
        time = built.get(image.digest)
        created = time.isoformat() if time else ""
        wants = WantedImage(image.name, image.new_name, image.new_tag, image.digest, created=created)
        proposal = bump(wants, choose, options, prefix, {name: wish.target.fields}, folders)(edited)
        if proposal.changed:
            gate(tree.read_file, image.name, image.digest)
        edited.edit(proposal.edits)
        changes += proposal.images
        wanted.append(wants)
    message = _message(wish, [f"{each.after.name}: {version_change(each)}" for each in changes], wanted)
    return BumpProposal(tuple(edited.edits.values()), message, tuple(changes))


def _message(wish: Promotion, lines: Sequence[str], wanted: Sequence[WantedImage]) -> Message:
    # Each image has its time behind it, even one that is not known: `history` reads them in pairs.
    pairs = (pair for each in wanted for pair in image_trailers(each))
    trailers = [*((key, value or "unknown") for key, value in pairs), ("Environment", wish.target.name)]
    subject = f"promote {wish.source.name} to {wish.target.name}"
    return Message(subject, "\n".join(lines), tuple(trailers), wish.options.author)
