"""Which image is where, since when, and how many builds behind the newest that the commits know of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitops.config import Config
from gitops.manifest.bump import find_kustomizations, join
from gitops.manifest.history import changed_at, past_bumps
from gitops.manifest.hold import Hold, read_holds
from gitops.manifest.images import read_images
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
    files = find_kustomizations(tree, folders, config.file)
    contents = tree.read(list(files.values()))
    holds = read_holds(tree, folders, prefix)
    since = {name: changed_at(tree, name, file.path) for name, file in files.items()}
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
        for entry in read_images(contents[file.path], file.path)
        if entry.name in names
    ]


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
