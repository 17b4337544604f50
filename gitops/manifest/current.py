"""The images that an environment has now: of its kustomization with its components, or of plain manifests; and those
that only stand elsewhere, as in Helm values."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gitops.clients.git_objects import TreeEntry
from gitops.config.model import Field
from gitops.manifest.bump import KUSTOMIZATIONS, Fields, files_of, join
from gitops.manifest.components import components_of
from gitops.manifest.fields import entry_of, marked, references, split_reference, text_at
from gitops.manifest.images import ImageEntry, combined, read_images
from gitops.manifest.repository import Tree


@dataclass(frozen=True)
class Current:
    """The images of an environment, and the files and folders that change with them."""

    images: tuple[ImageEntry, ...]
    paths: tuple[str, ...]

    def has(self, image: str) -> bool:
        """Whether it says something of `image`."""
        return any(entry.name == image for entry in self.images)

    def joined(self, found: Mapping[str, Sequence[tuple[str, Mapping[str, str]]]]) -> "Current":
        """With what was `found` elsewhere of each image: files, and the parts of the image that they say."""
        entries, paths = list(self.images), list(self.paths)
        for image, said in found.items():
            if said:
                entries.append(entry_of(image, {part: text for _, parts in said for part, text in parts.items()}))
                paths += [path for path, _ in said]
        return Current(tuple(entries), tuple(dict.fromkeys(paths)))


def current_images(
    tree: Tree, overlays: Mapping[str, TreeEntry], repositories: Mapping[str, str], fields: Fields, prefix: str
) -> dict[str, Current]:
    """What each of `overlays` (environment -> the file that stands for it) says, and its components with it. Of an
    image that they do not have: what `fields` and the marked scalars in the overlay's folder say.

    Of plain manifests the images are told by `repositories` (name in gitops.yaml -> repository). Raises `GitopsError`.
    """
    kustomized = {name: file for name, file in overlays.items() if file.path.rpartition("/")[2] in KUSTOMIZATIONS}
    contents = tree.read(list(kustomized.values()))
    components = components_of(tree, contents, KUSTOMIZATIONS)
    contents |= tree.read([file for each in components.values() for file in each])
    said = {path: read_images(data, path) if b"images" in data else [] for path, data in contents.items()}
    result = {}
    for name, file in overlays.items():
        if name in kustomized:
            paths = [*(each.path for each in components[file.path]), file.path]
            result[name] = Current(_joined([entry for path in paths for entry in said[path]]), tuple(paths))
        else:
            folder = file.path.rpartition("/")[0]
            result[name] = Current(_in_containers(tree, folder, repositories), (folder,))
    return result | _with_elsewhere(tree, overlays, result, repositories, fields, prefix)


def _with_elsewhere(
    tree: Tree,
    overlays: Mapping[str, TreeEntry],
    known: Mapping[str, Current],
    images: Collection[str],
    fields: Fields,
    prefix: str,
) -> dict[str, Current]:
    """Those of `known` that lack some of `images`, with what fields and marked scalars say of these."""
    lacking = {name: [image for image in images if not current.has(image)] for name, current in known.items()}
    lacking = {name: missing for name, missing in lacking.items() if missing}
    beside = {name: _beside(tree, overlays[name]) for name in lacking}
    located = {
        name: [(join(prefix, field.file), field) for field in fields.get(name, ()) if field.image in missing]
        for name, missing in lacking.items()
    }
    files = files_of(tree, [path for each in located.values() for path, _ in each])
    for each in beside.values():
        files |= each
    texts = tree.read(list(files.values()))
    return {
        name: known[name].joined(
            {image: list(_parts_said(image, beside[name], located[name], texts)) for image in missing}
        )
        for name, missing in lacking.items()
    }


def _beside(tree: Tree, overlay: TreeEntry) -> dict[str, TreeEntry]:
    """The YAML files in the overlay's folder that are no kustomizations."""
    below = tree.yaml_files(overlay.path.rpartition("/")[0])
    return {path: entry for path, entry in below.items() if path.rpartition("/")[2] not in KUSTOMIZATIONS}


def _parts_said(
    image: str, beside: Iterable[str], located: Sequence[tuple[str, Field]], texts: Mapping[str, bytes]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Each file that says something of `image`, with what it says of which part."""
    for path in beside:
        data = texts[path]
        if b"$gitops" in data and image.encode() in data and (parts := marked(data, image, file=path)):
            yield path, parts
    for path, field in located:
        if field.image == image:
            part = "" if field.part == "reference" else field.part
            yield path, {part: text_at(texts[path], field.path, file=path)}


def _joined(entries: list[ImageEntry]) -> tuple[ImageEntry, ...]:
    """What `entries`, in the order that kustomize applies them in, make of each image that they name."""
    return tuple(combined(name, entries) for name in dict.fromkeys(entry.name for entry in entries))


def _in_containers(tree: Tree, folder: str, repositories: Mapping[str, str]) -> tuple[ImageEntry, ...]:
    """The images of `repositories` that the containers of the manifests below `folder` run."""
    found = {
        (image, *split_reference(reference)): None
        for file, text in tree.read(list(tree.yaml_files(folder).values())).items()
        for image, repository in repositories.items()
        for reference in references(text, repository, file=file)
    }
    return tuple(ImageEntry(*each) for each in found)
