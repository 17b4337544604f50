"""What a command works with: the config and the clients, each made on first use. The only place that makes them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gitops.config import Config, find_config, load_config

if TYPE_CHECKING:
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
    def manifests(
        self, url: str | None, branch: str | None = None, environments: Sequence[str] = ()
    ) -> "Iterator[Place]":
        """Where the manifest repository is written: at `url`, without a clone, or in the clone that one stands in.

        `environments` are those that will be asked for, so that what they need comes in one request.
        """
        from gitops.manifest.place import clone_place, remote_place

        if url:
            with remote_place(url, branch or "main", environments) as place:
                yield place
        else:
            yield clone_place(self.config, self.root)
