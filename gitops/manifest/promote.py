"""A promotion as an intent: the images that one environment has proved, all of them together, go to the next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitops.clients.git_objects import TreeEntry
from gitops.config import Config, Environment
from gitops.errors import GitopsError, UsageError
from gitops.manifest.bump import (
    BumpOptions,
    BumpProposal,
    ImageChange,
    WantedImage,
    find_kustomizations,
    image_trailers,
    join,
    kept_changes,
    version_change,
)
from gitops.manifest.checks import missing_checks, read_checks
from gitops.manifest.history import build_times, changed_at
from gitops.manifest.images import ImageEntry, read_images, set_image
from gitops.manifest.repository import FileEdit, Intent, Message, Tree

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Promotion:
    """From where to where, and what is required of it."""

    source: Environment
    target: Environment
    images: tuple[str, ...]
    """Names of the `images:` entries that go together."""
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
    return Promotion(first, last, tuple(image.name for image in config.images), options, unproved)


def promote(wish: Promotion, now: datetime, *, config_file: str, prefix: str = "") -> Intent:
    """The intent that the target's overlay says the images of the source's.

    Applied to a tree it raises `GitopsError` where they are not proved: not long enough there, or a check is missing.
    """

    def propose(tree: Tree) -> BumpProposal:
        source, target = wish.source, wish.target
        folders = {each.name: join(prefix, each.path) for each in (source, target)}
        files = find_kustomizations(tree, folders, config_file)
        contents = tree.read(list(files.values()))
        path = files[source.name].path
        images = _images(contents[path], path, wish.images)
        if not wish.unproved:
            refuse_unproved(tree, wish, images, path, now, prefix)
        return _carry(tree, wish, images, files[target.name], contents[files[target.name].path], prefix)

    return propose


def _images(data: bytes, path: str, names: Sequence[str]) -> list[ImageEntry]:
    images = [entry for entry in read_images(data, path) if entry.name in names]
    if not images:
        raise GitopsError(path, "has none of the config's images", "bump one into it: gitops bump")
    for image in images:
        if not image.digest:
            raise GitopsError(path, f"has no digest for {image.name}", "bump it, so that what was tested is what goes")
    return images


def refuse_unproved(
    tree: Tree, wish: Promotion, images: Sequence[ImageEntry], path: str, now: datetime, prefix: str
) -> None:
    """Raise `GitopsError` unless the images have soaked, and passed the checks, that the target requires."""
    source, rules = wish.source.name, wish.target.promotion
    since = changed_at(tree, source, path)
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


def _carry(
    tree: Tree, wish: Promotion, images: Sequence[ImageEntry], file: TreeEntry, data: bytes, prefix: str
) -> BumpProposal:
    name, after, changes, wanted = wish.target.name, data, [], []
    built = build_times(tree, [image.digest for image in images])
    for image in images:
        time = built.get(image.digest)
        wants = WantedImage(
            image.name, image.new_name, image.new_tag, image.digest, created=time.isoformat() if time else ""
        )
        edit = set_image(after, *_values(image), file=file.path, add=wish.options.add)
        change = ImageChange(name, file.path, edit.before, edit.after)
        if edit.data != after:
            # All of a release go together, or none: what must stay is an error here.
            kept_changes(tree, wants, [change], replace(wish.options, strict=True), prefix)
        after = edit.data
        changes.append(change)
        wanted.append(wants)
    body = "\n".join(f"{change.after.name}: {version_change(change)}" for change in changes)
    # Each image has its time behind it, even one that is not known: `history` reads them in pairs.
    pairs = (pair for each in wanted for pair in image_trailers(each))
    trailers = [*((key, value or "unknown") for key, value in pairs), ("Environment", name)]
    message = Message(f"promote {wish.source.name} to {name}", body, tuple(trailers), wish.options.author)
    edits = (FileEdit(file, data, after),) if after != data else ()
    return BumpProposal(edits, message, tuple(changes))


def _values(image: ImageEntry) -> tuple[str, str, str, str]:
    return image.name, image.new_name, image.new_tag, image.digest
