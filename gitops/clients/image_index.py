"""Which tags and digests images have: asked of their registries without credentials, or read from a file."""

import json
from pathlib import Path
from typing import Protocol

from gitops.clients.registry import RegistryClient
from gitops.errors import GitopsError


class ImageIndex(Protocol):
    """Answers for a repository such as registry.k8s.io/pause."""

    def tags(self, repository: str) -> list[str]:
        """Its tags, in no order. Raises `GitopsError`."""

    def digest(self, repository: str, tag: str) -> str | None:
        """What `tag` is now; None where that is not known. Raises `GitopsError`."""


class FileIndex:
    """A JSON file: {"REPOSITORY": {"TAG": "sha256:…" or null}}, for machines that reach no registry."""

    def __init__(self, file: Path) -> None:
        try:
            self._data: dict[str, dict[str, str | None]] = json.loads(file.read_bytes())
        except OSError as error:
            raise GitopsError(
                str(file), f"cannot be read ({error.strerror})", "check the path after --index"
            ) from error
        except ValueError as error:
            raise GitopsError(
                str(file), f"is not JSON: {error}", 'write {"REPOSITORY": {"TAG": "sha256:…"}}'
            ) from error

    def tags(self, repository: str) -> list[str]:
        return list(self._data.get(repository, {}))

    def digest(self, repository: str, tag: str) -> str | None:
        return self._data.get(repository, {}).get(tag)


class RegistryIndex:
    """The registries themselves, without credentials: what is pinned is public."""

    def tags(self, repository: str) -> list[str]:
        host, _, name = repository.partition("/")
        return RegistryClient(host, lambda: None).tags(name)

    def digest(self, repository: str, tag: str) -> str | None:
        host, _, name = repository.partition("/")
        return RegistryClient(host, lambda: None).digest(name, tag)
