"""All that is generated from a config: the kustomize tree and the buildspecs."""

from collections.abc import Callable

from gitops.config import Cluster, Config
from gitops.config.overlays import platform_clusters, platform_path
from gitops.errors import GitopsError, nearest
from gitops.generate.autoscaling import autoscaling_files, load_test_files
from gitops.generate.base import base_files
from gitops.generate.environments import environment_files
from gitops.generate.logs import logging_files
from gitops.generate.monitoring import monitoring_files
from gitops.generate.pins import PINS, Pin, read_pins, shipped_pins
from gitops.generate.security import security_files
from gitops.generate.texts import Files
from gitops.template.buildspecs import buildspecs

PLATFORM: dict[str, Callable[[Config, Cluster, tuple[Pin, ...]], Files]] = {
    "security": security_files,
    "logging": logging_files,
    "monitoring": monitoring_files,
    "autoscaling": autoscaling_files,
}
"""Platform overlay -> what gives its files for one cluster."""


def generated_files(config: Config, pins: bytes | None = None) -> Files:
    """All that `gitops generate` writes: kustomize/ and buildspec/.

    `pins` is the repository's catalogue of images; the one of this version of gitops where it has none.
    """
    return {**kustomize_tree(config, pins), **buildspecs(config)}


def kustomize_tree(config: Config, pins: bytes | None = None) -> Files:
    """kustomize/ as gitops.yaml wants it: base, environments, platform overlays, the load test, the pins.

    Raises `GitopsError` for a platform overlay that is not one of `PLATFORM`, or what an overlay cannot be made of.
    """
    catalogue = read_pins(pins or shipped_pins())
    return {
        PINS: shipped_pins(),
        **base_files(config),
        **_platform(config, catalogue),
        **environment_files(config),
        **load_test_files(config, catalogue),
    }


def _platform(config: Config, pins: tuple[Pin, ...]) -> dict[str, bytes]:
    result: dict[str, bytes] = {}
    clusters = platform_clusters(config)
    for overlay in config.platform.overlays:
        if overlay not in PLATFORM:
            raise GitopsError(config.file, f"no platform overlay '{overlay}'", nearest(overlay, PLATFORM))
        if not clusters:
            raise GitopsError(
                config.file, f"the platform overlay '{overlay}' needs a cluster", "name one under clusters"
            )
        for cluster in clusters:
            folder = platform_path(config, overlay, cluster)
            files = PLATFORM[overlay](config, config.cluster(cluster), pins)
            result |= {f"{folder}/{file}": content for file, content in files.items()}
    return result
