"""A bump as an intent: these overlays shall say this image. Decides what to write and what the commit says of it."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gitops.clients.git_objects import TreeEntry
from gitops.errors import GitopsError, UsageError, nearest
from gitops.manifest.images import ImageEntry, read_images, set_image
from gitops.manifest.repository import FileEdit, Intent, Message, Proposal, Tree

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""The names that kustomize looks for. A folder may have one of them."""


@dataclass(frozen=True)
class WantedImage:
    """What an overlay shall say of an image: tag and digest are one unit. The rest is for the commit's trailers."""

    name: str
    """The `name` of the `images:` entry: the placeholder in the manifests."""
    repository: str
    """`newName`, as in registry/repository; empty to leave it as it is."""
    tag: str
    digest: str
    revision: str = ""
    """Commit of the source repository that it was built from."""
    created: str = ""
    """When it was built, in RFC 3339."""
    build_url: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository or self.name}{tag}@{self.digest}" if self.digest else f"{self.name}{tag}"


@dataclass(frozen=True)
class ImageChange:
    """One overlay's entry before and after; `before` is None where it was added."""

    environment: str
    path: str
    before: ImageEntry | None
    after: ImageEntry


@dataclass(frozen=True)
class BumpProposal(Proposal):
    """A proposal that knows which entry of which environment it changes, in the order asked for."""

    images: tuple[ImageChange, ...] = field(default=())


def bump(
    wanted: WantedImage,
    overlays: Mapping[str, str],
    *,
    config_file: str,
    add: bool = False,
    author: str = "",
    prefix: str = "",
) -> Intent:
    """The intent that the overlays (environment -> folder, below `prefix`) say `wanted`.

    Applied to a tree it raises `GitopsError` for an overlay that is not there, or has no entry for the image.
    """

    def propose(tree: Tree) -> BumpProposal:
        folders = {environment: _join(prefix, folder) for environment, folder in overlays.items()}
        entries = find_kustomizations(tree, folders, config_file)
        contents = tree.read(list(entries.values()))
        edits, changes = [], []
        for environment, entry in entries.items():
            before = contents[entry.path]
            after = set_image(
                before, wanted.name, wanted.repository, wanted.tag, wanted.digest, file=entry.path, add=add
            )
            edits.append(FileEdit(entry, before, after))
            old, new = _entry(before, entry.path, wanted.name), _entry(after, entry.path, wanted.name)
            assert new
            changes.append(ImageChange(environment, entry.path, old, new))
        return BumpProposal(tuple(edits), message(wanted, changes, author), tuple(changes))

    return propose


def _join(prefix: str, folder: str) -> str:
    return f"{prefix}/{folder}" if prefix else folder


def _entry(data: bytes, path: str, name: str) -> ImageEntry | None:
    return next((entry for entry in read_images(data, path) if entry.name == name), None)


def find_kustomizations(tree: Tree, folders: Mapping[str, str], config_file: str) -> dict[str, TreeEntry]:
    """Each environment's kustomization. Raises `GitopsError` where a folder has none, or two."""
    found = tree.find([f"{folder}/{name}" for folder in folders.values() for name in KUSTOMIZATIONS])
    result = {}
    for environment, folder in folders.items():
        here = [found[path] for name in KUSTOMIZATIONS if (path := f"{folder}/{name}") in found]
        if not here:
            raise _no_overlay(tree, environment, folder, config_file)
        if len(here) > 1:
            names = " and ".join(entry.path.rpartition("/")[2] for entry in here)
            raise GitopsError(folder, f"has {names}; kustomize takes one", "remove one of them")
        result[environment] = here[0]
    return result


def _no_overlay(tree: Tree, environment: str, folder: str, config_file: str) -> GitopsError:
    above, _, name = folder.rpartition("/")
    problem = f"environment '{environment}' has its overlay in {folder}, which has no kustomization in {tree.name}"
    return UsageError(config_file, problem, nearest(name, tree.folders(above)))


def message(wanted: WantedImage, changes: Sequence[ImageChange], author: str) -> Message:
    """The commit's message: what, where, from what, and trailers for programs."""
    environments = [change.environment for change in changes]
    where = ", ".join(environments) if len(environments) <= 3 else f"{len(environments)} environments"
    lines = (f"{change.environment}: {version_change(change)}" for change in changes[:50])
    trailers = {
        "Image": str(wanted),
        "Image-Created": wanted.created,
        "Source-Revision": wanted.revision,
        "Build-URL": wanted.build_url,
    }
    subject = f"bump {wanted.name} {wanted.tag or wanted.digest[:19]} in {where}"
    return Message(subject, "\n".join(lines), trailers, author)


def version_change(change: ImageChange) -> str:
    """ "1.4.1 -> 1.4.2", by digest where the tag stays, "(added)" where the entry is new."""
    before, after = change.before, change.after
    if before is None:
        return f"{after.new_tag or after.digest[:19]} (added)"
    if before.new_tag != after.new_tag:
        return f"{before.new_tag or 'no tag'} -> {after.new_tag}"
    if before.digest != after.digest:
        return f"{after.new_tag} {before.digest[:19] or 'no digest'} -> {after.digest[:19]}".strip()
    return f"{after.new_tag or after.digest[:19]}"


def changed_lines(edit: FileEdit) -> list[tuple[int, str]]:
    """The lines of the new file that the old one had not, numbered from 1, without their indentation."""
    before, after = (data.decode("utf-8", "replace").splitlines() for data in (edit.before, edit.after))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return [
        (number + 1, after[number].strip())
        for operation, _, _, start, end in matcher.get_opcodes()
        if operation != "equal"
        for number in range(start, end)
    ]


def unified_diff(edit: FileEdit) -> str:
    """The change of one file, as git shows it; line ends are left out."""
    before, after = (data.decode("utf-8", "replace").splitlines() for data in (edit.before, edit.after))
    lines = difflib.unified_diff(before, after, f"a/{edit.entry.path}", f"b/{edit.entry.path}", n=2, lineterm="")
    return "\n".join(lines)
