"""The overlays of a manifest repository, rendered for checking: what `validate` and its like work on."""

import os
from collections.abc import Sequence
from pathlib import Path

from gitops.clients.folder import read_files
from gitops.config import Cluster, Config, Environment
from gitops.config.overlays import all_overlays
from gitops.errors import GitopsError, UsageError, nearest
from gitops.generate.autoscaling import LOAD_TEST
from gitops.objects import KubeObject
from gitops.render import render
from gitops.render.cache import Cache
from gitops.render.remotes import Remotes
from gitops.validate import Finding, Overlay
from gitops.validate.schema import known_versions
from gitops.validate.sources import Sources

SKIPPED = {".git", ".gitops", "node_modules", ".venv"}


def overlays_of(
    config: Config, root: Path, names: Sequence[str] = (), cache: Cache | None = None, remotes: Remotes | None = None
) -> tuple[list[Overlay], list[Finding]]:
    """Each overlay with its objects, and a finding for each that does not render.

    `names` are overlays' or environments' names, all by default. Raises `UsageError` for a name that is none.
    """
    folders = _folders(config, root)
    for name in names:
        if name not in folders:
            raise UsageError(config.file, f"no overlay '{name}'", nearest(name, folders))
    sources = Sources(_files(root))
    rendered: dict[str, tuple[KubeObject, ...]] = {}
    failed = []
    for name, (folder, _) in folders.items():
        try:
            rendered[name] = render(root, folder, cache, remotes).objects
        except GitopsError as error:
            if error.subject == "kubectl":
                raise
            rendered[name] = ()
            place = sources.kustomization(folder)
            failed.append(Finding(place.file if place else folder, 1, "K001", error.problem))
    wanted = names or list(folders)
    return [_overlay(config, folders, rendered, sources, name) for name in wanted], failed


def _overlay(
    config: Config,
    folders: dict[str, tuple[str, Cluster | None]],
    rendered: dict[str, tuple[KubeObject, ...]],
    sources: Sources,
    name: str,
) -> Overlay:
    folder, cluster = folders[name]
    beside = [other for other, (_, theirs) in folders.items() if other != name and theirs == cluster]
    return Overlay(
        folder=folder,
        objects=rendered[name],
        others=tuple(obj for other in beside for obj in rendered[other]),
        sources=sources,
        config=config,
        version=(cluster and cluster.version) or known_versions()[-1],
        cluster=cluster.name if cluster else "",
        auto_mode=bool(cluster and cluster.auto_mode),
    )


def _folders(config: Config, root: Path) -> dict[str, tuple[str, Cluster | None]]:
    """Name -> folder and cluster, of every overlay and the load test. With several clusters: NAME@CLUSTER."""
    every = all_overlays(config)
    names = [each.name for each in every]
    result = {}
    for each in every:
        name = each.name if names.count(each.name) == 1 else f"{each.name}@{each.cluster}"
        result[name] = (each.path, config.cluster(each.cluster) if each.cluster else None)
    if (root / LOAD_TEST / "kustomization.yaml").is_file():
        result["load-test"] = (LOAD_TEST, _cluster(config, config.environments[0]))
    return result


def _cluster(config: Config, environment: Environment) -> Cluster | None:
    return config.cluster(environment.cluster) if environment.cluster else None


def _files(root: Path) -> dict[str, bytes]:
    """Every file that an overlay could take in. Folders of tools and of git are left out, and what is no file: pipes,
    links in a circle."""
    paths = []
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if name not in SKIPPED]
        paths += [path for name in names if (path := Path(folder) / name).is_file()]
    return read_files(root, [path.relative_to(root).as_posix() for path in paths])
