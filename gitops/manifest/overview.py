"""Which image is where, since when, and how many builds behind the newest that the commits know of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitops.config import Config
from gitops.manifest.bump import KUSTOMIZATIONS, find_kustomizations, join
from gitops.manifest.fields import references, split_reference
from gitops.manifest.history import changed_at, past_bumps
from gitops.manifest.hold import Hold, read_holds
from gitops.manifest.images import ImageEntry, read_images
from gitops.manifest.repository import Tree


@dataclass(frozen=True)
class Placed:
    """An image in an environment."""

    environment: str
    image: str
    tag: str
    digest: str
    since: datetime | None
    """When the overlay changed last; None where the commits at hand do not tell."""
    built: datetime | None
    behind: int | None
    """Newer builds of it that were bumped anywhere; None where its own build time is not known."""
    hold: Hold | None


def overview(tree: Tree, config: Config, prefix: str = "") -> list[Placed]:
    """Every image of the config in every environment, in their order. From the manifest repository alone."""
    folders = {each.name: join(prefix, each.path) for each in config.environments}
    files = find_kustomizations(tree, folders, config.file, plain=True)
    contents = tree.read(list(files.values()))
    holds = read_holds(tree, folders, prefix)
    since = {name: changed_at(tree, name, _changing(file.path)) for name, file in files.items()}
    builds = known_builds(tree)
    names = {image.name: config.image_repository(image) for image in config.images}
    return [
        Placed(
            name,
            entry.name,
            entry.new_tag,
            entry.digest,
            since[name],
            *_age(builds, entry.digest, entry.new_name),
            holds.get(name),
        )
        for name, file in files.items()
        for entry in _entries(tree, file.path, contents[file.path], names)
        if entry.name in names
    ]


def _changing(path: str) -> str:
    """What changes with the images of an environment: its kustomization, or all of a folder of plain manifests."""
    folder, _, name = path.rpartition("/")
    return path if name in KUSTOMIZATIONS else folder


def _entries(tree: Tree, path: str, data: bytes, names: Mapping[str, str]) -> list[ImageEntry]:
    """The images of a kustomization; of plain manifests, the images (name -> repository) that their containers run."""
    folder, _, name = path.rpartition("/")
    if name in KUSTOMIZATIONS:
        return read_images(data, path)
    contents = tree.read(list(tree.yaml_files(folder).values()))
    found = {
        (image, *split_reference(reference)): None
        for file, text in contents.items()
        for image, repository in names.items()
        for reference in references(text, repository, file=file)
    }
    return [ImageEntry(*each) for each in found]


def known_builds(tree: Tree) -> dict[str, dict[str, datetime]]:
    """Repository -> digest -> when it was built, of every build that a commit tells of."""
    builds: dict[str, dict[str, datetime]] = {}
    for bump in past_bumps(tree):
        for repository, digest, time in bump.images:
            if time:
                builds.setdefault(repository, {})[digest] = time
    return builds


def _age(
    builds: Mapping[str, Mapping[str, datetime]], digest: str, repository: str
) -> tuple[datetime | None, int | None]:
    known = builds.get(repository, {})
    built = known.get(digest)
    return built, (sum(time > built for time in known.values()) if built else None)
