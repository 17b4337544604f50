"""Folders of other repositories: pinned to a full commit, of a repository that gitops.yaml allows, or refused.

A commit's id is the hash of its content: what is fetched once is the same for ever.
"""

import re
from collections.abc import Callable, Sequence

from gitops.render.problems import Place, RenderError

Fetch = Callable[[str, str], str]
"""Gives the folder with the files of a repository (its URL) at a commit. Raises `GitopsError`."""

_COPY = "commit a copy of it"
_COMMIT = r"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_SCP = r"(?P<user>[\w.-]+@)(?P<host>[\w.-]+):(?P<path>[^/].*)"
_SCHEME = r"https://[^@/]+/|ssh://|http://(?:127\.0\.0\.1|localhost)(?::\d+)?/"


class Remotes:
    """The repositories that overlays may build on, and what fetches them."""

    def __init__(self, allowed: Sequence[str] = (), fetch: Fetch | None = None) -> None:
        self.allowed = tuple(_plain(each) for each in allowed)
        self._fetch = fetch

    def tree(self, path: str, place: Place) -> tuple[str, str, str]:
        """The folder that the repository of `path` is in, the folder within it, and what to call the tree.

        Raises `RenderError` for what is not pinned or not allowed, `GitopsError` where it cannot be fetched.
        """
        address, _, query = path.partition("?")
        commit = _commit(query, path, place)
        repository, within = self._split(_url(address.removeprefix("git::"), path, place), path, place)
        if self._fetch is None:
            raise RenderError(place, f"'{path}' is remote, and nothing is fetched here", _COPY)
        return self._fetch(repository, commit), within, f"{repository}@{commit}"

    def _split(self, url: str, path: str, place: Place) -> tuple[str, str]:
        """The allowed repository that `url` is in, and the folder there: after `//`, `.git/` or the allowed URL."""
        scheme, _, rest = url.partition("://")
        for mark in ("//", ".git/"):
            if mark in rest:
                repository, _, within = rest.partition(mark)
                if _plain(f"{scheme}://{repository}") in self.allowed:
                    return _plain(f"{scheme}://{repository}"), within
        for each in self.allowed:
            if f"{_plain(url)}/".startswith(f"{each}/"):
                return each, _plain(url)[len(each) + 1 :]
        problem = f"'{path}' is in a repository that gitops.yaml does not allow"
        raise RenderError(place, problem, f"add its URL to remotes: there, or {_COPY}")


def _plain(url: str) -> str:
    return url.rstrip("/").removesuffix(".git")


def _commit(query: str, path: str, place: Place) -> str:
    options = dict(each.partition("=")[::2] for each in query.split("&") if each)
    commit = options.pop("ref", "") or options.pop("version", "")
    if not re.fullmatch(_COMMIT, commit):
        pin = "end it with ?ref= and the 40 digits of a commit"
        raise RenderError(place, f"'{path}' is remote, and not pinned to a full commit", f"{pin}; or {_COPY}")
    known = {"timeout", "depth", "submodules"}
    if options.keys() - known or options.get("submodules", "false") not in ("false", "0"):
        raise RenderError(place, f"'{path}' asks for more than a commit", f"leave ?ref= alone; or {_COPY}")
    return commit


def _url(address: str, path: str, place: Place) -> str:
    if scp := re.fullmatch(_SCP, address):
        address = f"ssh://{scp['user']}{scp['host']}/{scp['path']}"
    elif address.removeprefix("www.").startswith("github.com/"):
        address = f"https://{address}"
    if not re.match(_SCHEME, address):
        raise RenderError(place, f"'{path}' is neither https nor ssh, or has a user in it", _COPY)
    return address
