"""All that is generated from a config: the kustomize tree and the buildspecs."""

from gitops.config import Config
from gitops.errors import GitopsError, nearest
from gitops.generate.base import base_files
from gitops.generate.environments import environment_files
from gitops.generate.security import security_files
from gitops.generate.texts import Files
from gitops.template.buildspecs import buildspecs

PLATFORM = {"security": security_files}
"""Platform overlay -> what writes its files."""


def generated_files(config: Config) -> Files:
    """All that `gitops generate` writes: kustomize/ and buildspec/."""
    return {**kustomize_tree(config), **buildspecs(config)}


def kustomize_tree(config: Config) -> Files:
    """kustomize/ as gitops.yaml wants it: base, environments, platform overlays.

    Raises `GitopsError` for a platform overlay that is not one of `PLATFORM`.
    """
    result = dict(base_files(config))
    for overlay in config.platform.overlays:
        if overlay not in PLATFORM:
            raise GitopsError(config.file, f"no platform overlay '{overlay}'", nearest(overlay, PLATFORM))
        result |= PLATFORM[overlay](config)
    return result | dict(environment_files(config))
