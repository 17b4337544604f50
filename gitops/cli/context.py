"""What a command works with: the config and the clients, each made on first use. The only place that makes them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.config import Config, Image, find_config, load_config

if TYPE_CHECKING:
    from gitops.clients.docker import Docker
    from gitops.clients.registry import RegistryClient
    from gitops.manifest.place import Place


class Context:
    """Made once a run from the global options, and handed to the command."""

    def __init__(self, config_file: Path | None) -> None:
        self._config_file = config_file

    @cached_property
    def config_path(self) -> Path:
        """The gitops.yaml in use. Raises `GitopsError` where there is none."""
        return self._config_file or find_config(Path.cwd())

    @cached_property
    def config(self) -> Config:
        """The checked config."""
        return load_config(self.config_path)

    @property
    def root(self) -> Path:
        """The folder that gitops.yaml is in: the root of the manifest tree."""
        return self.config_path.resolve().parent

    @contextmanager
    def manifests(self, url: str | None, branch: str | None) -> "Iterator[Place]":
        """Where the manifest repository is written: at `url`, without a clone, or in the clone that one stands in."""
        from gitops.manifest.place import clone_place, remote_place

        if url:
            with remote_place(url, branch or "main") as place:
                yield place
        else:
            yield clone_place(self.config, self.root)

    @cached_property
    def docker(self) -> "Docker":
        """The Docker daemon."""
        from gitops.clients.docker import Docker

        return Docker()

    @cached_property
    def registry(self) -> "RegistryClient":
        """The registry that images are pushed to."""
        from gitops.clients.registry import RegistryClient

        return RegistryClient(self.config.registry_host, self.registry_credentials)

    def registry_credentials(self) -> tuple[str, str] | None:
        """User and password for the registry, from where gitops.yaml says; asked for once."""
        return self._credentials

    @cached_property
    def _credentials(self) -> tuple[str, str] | None:
        auth = self._registry_auth
        if auth == "ecr":
            from gitops.clients.aws import Ecr

            return Ecr(self.config.region).login()
        return self.docker.credentials(self.config.registry_host) if auth == "docker" else None

    @property
    def _registry_auth(self) -> str:
        return self.config.registry.auth if self.config.registry else "ecr"

    def immutable_tags(self, image: Image) -> "Callable[[str], bool]":
        """Tells whether a tag of `image`'s repository can never be moved. Only ECR has such repositories."""
        if self._registry_auth != "ecr":
            return lambda _: False
        from gitops.clients.aws import Ecr

        return Ecr(self.config.region).mutability(image.repository).immutable
