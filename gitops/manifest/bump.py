"""A bump as an intent: these overlays shall say this image. Decides what to write and what the commit says of it."""

import difflib
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

from gitops.clients.git_objects import TreeEntry
from gitops.config.model import Field
from gitops.errors import GitopsError, nearest
from gitops.manifest.components import components_of
from gitops.manifest.fields import entry_of, parts_of, set_marked, set_path, set_references
from gitops.manifest.history import build_times, moment
from gitops.manifest.hold import read_holds
from gitops.manifest.images import ImageEdit, ImageEntry, NoEntry, combined, set_image
from gitops.manifest.repository import FileEdit, Message, Proposal, Tree

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
    kept: str = ""
    """Why it stays as it was, where a hold or a newer build forbids the change."""


@dataclass(frozen=True)
class BumpProposal(Proposal):
    """A proposal that knows which entry of which environment it changes, in the order asked for."""

    images: tuple[ImageChange, ...] = field(default=())


Chooser = Callable[[Tree], Mapping[str, TreeEntry]]
"""Which kustomizations a bump is for: what people call each (its environment), and the file."""


@dataclass(frozen=True)
class BumpOptions:
    """How a bump is made."""

    add: bool = False
    """Add an entry where a kustomization has none for the image."""
    where_used: bool = False
    """Pass over kustomizations without an entry for the image."""
    strict: bool = True
    """An environment that must stay as it is (held, or with a newer build) is an error; else it is passed over."""
    allow_older: bool = False
    despite_hold: bool = False
    author: str = ""


Fields = Mapping[str, Sequence[Field]]
"""Environment -> the fields outside of its kustomization that the config names."""


class Edited(NamedTuple):
    """A kustomization, and how its entry for the image was edited."""

    file: TreeEntry
    before: bytes
    edit: ImageEdit


class Elsewhere(NamedTuple):
    """An image outside of kustomizations: the edits of files, and what they said before."""

    edits: list[FileEdit]
    before: ImageEntry


def bump(
    wanted: WantedImage,
    choose: Chooser,
    options: BumpOptions,
    prefix: str = "",
    fields: Fields = MappingProxyType({}),
    folders: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[Tree], BumpProposal]:
    """The intent that the kustomizations of `choose` say `wanted`, except where a hold or a newer build forbids it.

    So do their components, the marked scalars in an overlay's folder, and `fields`. Applied to a tree it raises
    `GitopsError` for an overlay that has no place for the image, for a component that others of the overlays in
    `folders` (environment -> folder) share, and for what `options.strict` forbids. `prefix` is gitops.yaml's folder.
    """

    def propose(tree: Tree) -> BumpProposal:
        wishes = _wishes(tree, wanted, choose(tree), options, fields, prefix)
        if not wishes:
            problem = f"has no kustomization with an images entry '{wanted.name}'"
            raise GitopsError(tree.name, problem, "name an environment with --env, and --add")
        different = [wish.change for wish in wishes.values() if any(edit.before != edit.after for edit in wish.edits)]
        kept = kept_changes(tree, wanted, different, options, prefix)
        made = [change for change in different if change.environment not in kept]
        # Environments that share a component want the same of it.
        edits = {edit.entry.path: edit for change in made for edit in wishes[change.environment].edits}
        if not options.where_used:
            refuse_shared(tree, edits.keys(), folders, [change.environment for change in made])
        shown = [replace(w.change, kept=kept[name]) if name in kept else w.change for name, w in wishes.items()]
        return BumpProposal(tuple(edits.values()), message(wanted, made, options.author), tuple(shown))

    return propose


class Wish(NamedTuple):
    """What the files of an environment shall say, and that as a change of the image. What they say already counts."""

    edits: list[FileEdit]
    change: ImageChange


def _wishes(
    tree: Tree, wanted: WantedImage, entries: Mapping[str, TreeEntry], options: BumpOptions, fields: Fields, prefix: str
) -> dict[str, Wish]:
    """What is wished of each environment (-> its kustomization) that has a place for the image. Raises `GitopsError`
    for one that has none, unless the image is sought wherever it is used."""
    contents = tree.read(list(entries.values()))
    others = {} if options.where_used else other_edits(tree, wanted, entries, fields, prefix)
    parts = {} if options.where_used else component_edits(tree, wanted, contents)
    wishes, nowhere = {}, Elsewhere([], ImageEntry(wanted.name, "", "", ""))
    for environment, entry in entries.items():
        found, elsewhere = parts.get(entry.path, []), others.get(environment, nowhere)
        optional = options.where_used or bool(found or elsewhere.edits)
        edit = _edit(wanted, options.add, contents[entry.path], entry.path, optional=optional)
        found = [*found, Edited(entry, contents[entry.path], edit)] if edit else found
        if found or elsewhere.edits:
            edits = [*(FileEdit(*each[:2], each.edit.data) for each in found), *elsewhere.edits]
            wishes[environment] = Wish(edits, _change(environment, entry.path, found, elsewhere.before, wanted))
    return wishes


def component_edits(tree: Tree, wanted: WantedImage, overlays: Mapping[str, bytes]) -> dict[str, list[Edited]]:
    """The edits of the components of each of `overlays` (path -> content) that have an entry for the image."""
    kustomizations = {path: data for path, data in overlays.items() if path.rpartition("/")[2] in KUSTOMIZATIONS}
    components = components_of(tree, kustomizations, KUSTOMIZATIONS)
    files = {file.path: file for each in components.values() for file in each}
    contents = tree.read(list(files.values()))
    edits = {path: _edit(wanted, False, data, path, optional=True) for path, data in contents.items()}
    return {
        overlay: [Edited(file, contents[file.path], edit) for file in each if (edit := edits[file.path])]
        for overlay, each in components.items()
    }


def refuse_shared(tree: Tree, paths: Set[str], folders: Mapping[str, str], made: Sequence[str]) -> None:
    """Raise `GitopsError` where one of `paths` belongs to a component of an environment that is not `made`."""
    outside = {f"{folder}/{name}": each for each, folder in folders.items() for name in KUSTOMIZATIONS}
    outside = {path: environment for path, environment in outside.items() if environment not in made}
    if all(path.rpartition("/")[0] in folders.values() for path in paths):
        return
    overlays = tree.read(list(tree.find(list(outside)).values()))
    for overlay, components in components_of(tree, overlays, KUSTOMIZATIONS).items():
        for file in components:
            if file.path in paths:
                name = outside[overlay]
                problem = f"is a component of environment '{name}' too, which would change with it"
                raise GitopsError(file.path, problem, f"bump it as well: --env {name}")


def _change(
    environment: str, path: str, found: Sequence[Edited], before: ImageEntry, wanted: WantedImage
) -> ImageChange:
    """What an environment's kustomization says with its components, that is `found` in kustomize's order, before and
    after; `before` is what other files said, where only they say it."""
    if found:
        said = [edit.before for _, _, edit in found if edit.before]
        after = combined(wanted.name, [edit.after for _, _, edit in found])
        return ImageChange(environment, found[-1].file.path, combined(wanted.name, said) if said else None, after)
    after = ImageEntry(wanted.name, wanted.repository, wanted.tag, wanted.digest)
    return ImageChange(environment, path, before, after)


def other_edits(
    tree: Tree, wanted: WantedImage, entries: Mapping[str, TreeEntry], fields: Fields, prefix: str
) -> dict[str, Elsewhere]:
    """Each environment's edits of marked scalars and of `fields`; environments without any are left out."""
    result = {}
    for environment, overlay in entries.items():
        named = [(join(prefix, each.file), each) for each in fields.get(environment, ()) if each.image == wanted.name]
        if (found := _edits_beside(tree, wanted, overlay, named)).edits:
            result[environment] = found
    return result


def files_of(tree: Tree, paths: Sequence[str]) -> dict[str, TreeEntry]:
    """The files at `paths`, which gitops.yaml names as `fields`. Raises `GitopsError` where one is not there."""
    files = tree.find(paths)
    if missing := [path for path in paths if path not in files]:
        raise GitopsError(missing[0], f"is not in {tree.name}", "check the environment's fields in gitops.yaml")
    return files


def _edits_beside(
    tree: Tree, wanted: WantedImage, overlay: TreeEntry, fields: Sequence[tuple[str, Field]]
) -> Elsewhere:
    """The edits of the files beside `overlay`, and of `fields` (each with its file's path)."""
    parts = parts_of(wanted.repository, wanted.tag, wanted.digest)
    folder, _, name = overlay.path.rpartition("/")
    files = tree.yaml_files(folder)
    if name in KUSTOMIZATIONS:
        del files[overlay.path]
    files |= files_of(tree, [path for path, _ in fields])
    before = tree.read(list(files.values()))
    after, seen = {}, dict[str, str]()
    for path, data in before.items():
        own = dict[str, str]()
        if b"$gitops" in data and wanted.name.encode() in data:
            after[path] = set_marked(data, wanted.name, parts, file=path, seen=seen)
        elif name not in KUSTOMIZATIONS and b"image" in data:
            edited = set_references(data, wanted.name, parts, file=path, seen=own)
            after |= {path: edited} if own else {}
            seen |= own
    for path, each in fields:
        part = "" if each.part == "reference" else each.part
        after[path] = set_path(after.get(path, before[path]), each.path, part, parts, file=path, seen=seen)
    edits = [FileEdit(files[path], before[path], after[path]) for path in sorted(after)]
    return Elsewhere(edits, entry_of(wanted.name, seen))


def kept_changes(
    tree: Tree, wanted: WantedImage, changes: Sequence[ImageChange], options: BumpOptions, prefix: str
) -> dict[str, str]:
    """The environments among `changes` that must stay as they are, and why; with `options.strict` an error instead."""
    kept = {}
    if not options.despite_hold:
        kept = {name: str(hold) for name, hold in read_holds(tree, [c.environment for c in changes], prefix).items()}
    if options.strict and kept:
        name, reason = next(iter(kept.items()))
        raise GitopsError(name, f"is {reason}", f"gitops unhold {name}, or --despite-hold")
    if not options.allow_older:
        kept |= _newer(tree, wanted, [change for change in changes if change.environment not in kept], options.strict)
    return kept


def _newer(tree: Tree, wanted: WantedImage, changes: Sequence[ImageChange], strict: bool) -> dict[str, str]:
    """The environments that have a newer build of the image already, as far as the commits tell."""
    present = {change.environment: change.before.digest for change in changes if change.before}
    digests = {digest for digest in present.values() if digest and digest != wanted.digest}
    if not wanted.created or not digests:
        return {}
    ours, times = moment(wanted.created, "created"), build_times(tree, digests)
    newer = {name: times[digest] for name, digest in present.items() if digest in times and times[digest] > ours}
    if strict and newer:
        name, time = next(iter(newer.items()))
        problem = f"has a newer build of {wanted.name}, of {time.isoformat()}"
        raise GitopsError(name, problem, "go back to the older one with --allow-older")
    return {name: f"has a newer build, of {time.isoformat()}" for name, time in newer.items()}


def _edit(wanted: WantedImage, add: bool, data: bytes, path: str, *, optional: bool) -> ImageEdit | None:
    """The kustomization `data` edited; None where it has no entry for the image, and that is `optional`."""
    # Most kustomizations do not speak of the image: a look at the bytes spares parsing them.
    if optional and wanted.name.encode() not in data:
        return None
    try:
        return set_image(data, wanted.name, wanted.repository, wanted.tag, wanted.digest, file=path, add=add)
    except NoEntry:
        if optional:
            return None
        raise


def overlays_of(environments: Mapping[str, str], *, config_file: str, prefix: str = "") -> Chooser:
    """The overlays of these environments (name -> folder, below `prefix`)."""
    folders = {environment: join(prefix, folder) for environment, folder in environments.items()}
    return lambda tree: find_kustomizations(tree, folders, config_file, plain=True)


def all_kustomizations(names: Mapping[str, str]) -> Chooser:
    """Every kustomization in the repository; called by `names` (folder -> environment), else by its folder."""

    def choose(tree: Tree) -> dict[str, TreeEntry]:
        entries = tree.files_named(KUSTOMIZATIONS)
        folders = {path.rpartition("/")[0]: entry for path, entry in entries.items()}
        return {names.get(folder, folder): entry for folder, entry in folders.items()}

    return choose


def join(prefix: str, folder: str) -> str:
    return f"{prefix}/{folder}" if prefix else folder


def find_kustomizations(
    tree: Tree, folders: Mapping[str, str], config_file: str, *, plain: bool = False
) -> dict[str, TreeEntry]:
    """Each environment's kustomization; with `plain` some other YAML file, where its folder has none.

    Raises `GitopsError` where a folder has none, or two.
    """
    found = tree.find([f"{folder}/{name}" for folder in folders.values() for name in KUSTOMIZATIONS])
    result = {}
    for environment, folder in folders.items():
        here = [found[path] for name in KUSTOMIZATIONS if (path := f"{folder}/{name}") in found]
        if not here and plain:
            # Plain manifests: any of them stands for the folder.
            here = list(tree.yaml_files(folder).values())[:1]
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
    return GitopsError(config_file, problem, nearest(name, tree.folders(above)))


def message(wanted: WantedImage, changes: Sequence[ImageChange], author: str) -> Message:
    """The commit's message: what, where, from what, and trailers for programs."""
    environments = [change.environment for change in changes]
    where = ", ".join(environments) if len(environments) <= 3 else f"{len(environments)} environments"
    lines = (f"{change.environment}: {version_change(change)}" for change in changes[:50])
    trailers = (
        *image_trailers(wanted),
        ("Source-Revision", wanted.revision),
        ("Build-URL", wanted.build_url),
        ("Environment", ", ".join(environments) if len(environments) <= 50 else ""),
    )
    subject = f"bump {wanted.name} {wanted.tag or wanted.digest[:19]} in {where}"
    return Message(subject, "\n".join(lines), trailers, author)


def image_trailers(wanted: WantedImage) -> tuple[tuple[str, str], tuple[str, str]]:
    """What a commit says of an image, for later bumps to read: `history` does."""
    return ("Image", str(wanted)), ("Image-Created", wanted.created)


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
    before, after = ((data or b"").decode("utf-8", "replace").splitlines() for data in (edit.before, edit.after))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return [
        (number + 1, after[number].strip())
        for operation, _, _, start, end in matcher.get_opcodes()
        if operation != "equal"
        for number in range(start, end)
    ]


def unified_diff(edit: FileEdit) -> str:
    """The change of one file, as git shows it; line ends are left out."""
    before, after = ((data or b"").decode("utf-8", "replace").splitlines() for data in (edit.before, edit.after))
    lines = difflib.unified_diff(before, after, f"a/{edit.entry.path}", f"b/{edit.entry.path}", n=2, lineterm="")
    return "\n".join(lines)
