"""Which image is where, since when, and how many builds behind the newest that the commits know of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitops.config import Config
from gitops.manifest.bump import find_kustomizations, join
from gitops.manifest.current import current_images
from gitops.manifest.history import changed_at, past_bumps
from gitops.manifest.hold import Hold, read_holds
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
    holds = read_holds(tree, folders, prefix)
    names = config.image_repositories()
    fields = {each.name: each.fields for each in config.environments}
    current = current_images(tree, files, names, fields, prefix)
    since = {name: changed_at(tree, name, each.paths) for name, each in current.items()}
    builds = known_builds(tree)
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
        for name, each in current.items()
        for entry in each.images
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
