"""Which tags and digests images have: asked of their registries without credentials, or read from a file."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gitops.errors import GitopsError

if TYPE_CHECKING:
    import urllib3

TIMEOUT = 15.0
"""Seconds that a registry has to answer."""

MANIFESTS = ", ".join(
    f"application/vnd.{kind}"
    for kind in (
        "oci.image.index.v1+json",
        "docker.distribution.manifest.list.v2+json",
        "oci.image.manifest.v1+json",
        "docker.distribution.manifest.v2+json",
    )
)


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
    """The registries themselves, over the OCI distribution protocol. `insecure` hosts are asked over http."""

    def __init__(self, insecure: frozenset[str] = frozenset()) -> None:
        self._insecure = insecure
        self._tokens: dict[str, str] = {}

    def tags(self, repository: str) -> list[str]:
        host, _, name = repository.partition("/")
        return list(self._get(host, name, f"/v2/{name}/tags/list?n=10000").json().get("tags") or [])

    def digest(self, repository: str, tag: str) -> str | None:
        host, _, name = repository.partition("/")
        response = self._get(host, name, f"/v2/{name}/manifests/{tag}", method="HEAD")
        digest = response.headers.get("docker-content-digest", "")
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise GitopsError(f"{repository}:{tag}", "has no digest in the registry's answer", "try another registry")
        return digest

    def _get(self, host: str, name: str, path: str, method: str = "GET") -> "urllib3.BaseHTTPResponse":
        import urllib3

        url = f"{'http' if host in self._insecure else 'https'}://{host}{path}"
        headers = {"Accept": MANIFESTS} if method == "HEAD" else {}
        if token := self._tokens.get(f"{host}/{name}"):
            headers["Authorization"] = f"Bearer {token}"
        try:
            response = urllib3.request(method, url, headers=headers, timeout=TIMEOUT, retries=2)
            if response.status == 401 and not token:
                self._tokens[f"{host}/{name}"] = _token(response.headers.get("www-authenticate", ""), name)
                return self._get(host, name, path, method)
        except urllib3.exceptions.HTTPError as error:
            raise GitopsError(host, "does not answer", "check the network, or give a file: --index FILE") from error
        if response.status != 200:
            raise GitopsError(f"{host}/{name}", f"answers {response.status}", "check the repository's name")
        return response


def _token(challenge: str, name: str) -> str:
    """An anonymous token, as the registry's `challenge` says where to get one."""
    import urllib3

    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if not fields.get("realm", "").startswith("https://"):
        raise GitopsError(name, "is not public", "give a file instead: --index FILE")
    query = {"service": fields.get("service", ""), "scope": f"repository:{name}:pull"}
    answer: dict[str, Any] = urllib3.request("GET", fields["realm"], fields=query, timeout=TIMEOUT, retries=2).json()
    return str(answer.get("token") or answer.get("access_token") or "")
