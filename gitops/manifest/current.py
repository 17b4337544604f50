"""The images that an environment has now: of its kustomization with its components, or of plain manifests."""

from collections.abc import Mapping
from dataclasses import dataclass

from gitops.clients.git_objects import TreeEntry
from gitops.manifest.bump import KUSTOMIZATIONS
from gitops.manifest.components import components_of
from gitops.manifest.fields import references, split_reference
from gitops.manifest.images import ImageEntry, combined, read_images
from gitops.manifest.repository import Tree


@dataclass(frozen=True)
class Current:
    """The images of an environment, and the files and folders that change with them."""

    images: tuple[ImageEntry, ...]
    paths: tuple[str, ...]


def current_images(
    tree: Tree, overlays: Mapping[str, TreeEntry], repositories: Mapping[str, str]
) -> dict[str, Current]:
    """What each of `overlays` (environment -> the file that stands for it) says, and its components with it.

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
    return result


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
