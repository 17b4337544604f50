"""What can be rendered and deployed by name: environments, the platform's overlays, `platform` for all of these, and
`all` for everything."""

from collections.abc import Sequence
from dataclasses import dataclass

from gitops.config.model import Config, Target
from gitops.errors import GitopsError, nearest

PLATFORM = "platform"
"""Stands for every overlay of the platform, in order."""
ALL = "all"
"""Stands for every overlay of the platform, and then every environment."""


@dataclass(frozen=True)
class Overlay:
    """One overlay and where it is deployed."""

    name: str
    path: str
    namespace: str = ""
    """The environment's; empty for an overlay of the platform."""
    cluster: str = ""
    target: Target | None = None


def platform_clusters(config: Config) -> tuple[str, ...]:
    """The clusters that get the platform's overlays."""
    return config.platform.clusters or tuple(cluster.name for cluster in config.clusters)


def platform_path(config: Config, overlay: str, cluster: str) -> str:
    """The folder of a platform overlay. With several clusters each has its own: agents' manifests name their cluster,
    and versions differ."""
    folder = f"kustomize/overlays/{overlay}"
    return folder if len(platform_clusters(config)) == 1 else f"{folder}/{cluster}"


def all_overlays(config: Config) -> tuple[Overlay, ...]:
    """The platform's overlays on each of its clusters, then the environments: the order of a first deploy."""
    platform = [
        Overlay(name, platform_path(config, name, cluster), cluster=cluster)
        for name in config.platform.overlays
        for cluster in platform_clusters(config)
    ]
    environments = [
        Overlay(each.name, each.path, each.namespace, each.cluster or "", each.target) for each in config.environments
    ]
    return (*platform, *environments)


def overlays_named(config: Config, name: str, cluster: str = "") -> tuple[Overlay, ...]:
    """What `name` stands for, on `cluster` or wherever it belongs. Raises `GitopsError` with the nearest name."""
    every = all_overlays(config)
    groups = {PLATFORM: config.platform.overlays, ALL: [each.name for each in every]}
    names = groups.get(name, (name,))
    found = tuple(each for each in every if each.name in names and cluster in ("", each.cluster))
    if not found:
        if cluster and any(each.name in names for each in every):
            raise GitopsError(config.file, f"'{name}' is not on cluster '{cluster}'", "see environments and platform")
        known = dict.fromkeys(each.name for each in every) | ({PLATFORM: None} if config.platform.overlays else {})
        raise GitopsError(config.file, f"no environment '{name}'", nearest(name, known))
    return found


def in_order(config: Config, names: Sequence[str], cluster: str = "") -> tuple[Overlay, ...]:
    """All that `names` stand for, each once, in the order of a first deploy, whatever the order of `names`."""
    wanted = {each for name in names for each in overlays_named(config, name, cluster)}
    return tuple(each for each in all_overlays(config) if each in wanted)


def folders_named(config: Config, names: Sequence[str]) -> list[str]:
    """The folder of each overlay that `names` stand for, each once; of all without names."""
    wanted = [each for name in names for each in overlays_named(config, name)] if names else all_overlays(config)
    return list(dict.fromkeys(overlay.path for overlay in wanted))
