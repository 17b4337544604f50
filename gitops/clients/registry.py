"""A container registry over HTTP: which digest a tag has, what an image's labels say, another tag for an image.

The OCI distribution specification, 1.1 (opencontainers/distribution-spec, spec.md); tokens as in Docker's registry
(distribution/distribution, docs/content/spec/auth/token.md).
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from gitops.errors import GitopsError
from gitops.hidden import remember, without

if TYPE_CHECKING:
    import urllib3

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 30.0
"""Seconds."""

SIZE_LIMIT = 4 * 1024 * 1024
"""Bytes of a manifest or config; what registries take at most as a manifest."""

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")

Credentials = Callable[[], tuple[str, str] | None]
"""Gives user and password when the registry asks for them; None for nobody."""


@dataclass(frozen=True)
class Manifest:
    """A manifest or index as the registry has it."""

    digest: str
    media_type: str
    data: bytes


class RegistryClient:
    """The registry at `host`, by https; by http where the host is this machine, as Docker does."""

    def __init__(self, host: str, credentials: Credentials) -> None:
        self.host = host
        self._credentials = credentials
        local = re.fullmatch(r"(localhost|127(\.\d+){3})(:\d+)?", host)
        self._base = f"{'http' if local else 'https'}://{host}/v2"
        self._authorization: dict[str, str] = {}

    @cached_property
    def _http(self) -> "urllib3.PoolManager":
        import urllib3

        # Some registries say Retry-After an hour: nobody waits that long for a tag.
        retries = urllib3.Retry(
            total=4,
            connect=1,
            read=1,
            backoff_factor=0.3,
            status_forcelist=(429, 502, 503, 504),
            respect_retry_after_header=False,
        )
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=READ_TIMEOUT)
        return urllib3.PoolManager(retries=retries, timeout=timeout)

    def digest(self, repository: str, reference: str) -> str | None:
        """The digest of a tag; None where the repository has no such tag."""
        found = self.manifest(repository, reference)
        return found.digest if found else None

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """The manifest of a tag or digest; None where there is none."""
        import hashlib

        answer = self._ask("GET", repository, f"manifests/{reference}", {"Accept": ", ".join(INDEXES + MANIFESTS)})
        if answer.status == 404:
            return None
        self._expect(answer, 200, repository)
        computed = f"sha256:{hashlib.sha256(answer.data).hexdigest()}"
        if reference.startswith("sha256:") and reference != computed:
            raise GitopsError(f"{self.host}/{repository}", f"sent another manifest than {reference}", "push it again")
        return Manifest(computed, answer.headers.get("Content-Type", ""), answer.data)

    def labels(self, repository: str, manifest: Manifest) -> Mapping[str, str]:
        """The labels of the image; of the first platform's, for an index."""
        labels: Mapping[str, str] = (self.image_config(repository, manifest).get("config") or {}).get("Labels") or {}
        return labels

    def image_config(self, repository: str, manifest: Manifest) -> Mapping[str, Any]:
        """The image's config: labels, platform; of the first platform's, for an index. Empty where there is none."""
        document = self._document(manifest.data, repository)
        if manifest.media_type in INDEXES:
            images = [each["digest"] for each in document["manifests"] if each.get("mediaType") in MANIFESTS]
            child = self.manifest(repository, images[0]) if images else None
            return self.image_config(repository, child) if child else {}
        digest = (document.get("config") or {}).get("digest")
        return self._document(self.blob(repository, digest), repository) if digest else {}

    def blob(self, repository: str, digest: str) -> bytes:
        """The blob `digest`, a small one. Raises `GitopsError` where it is not there, or is another."""
        import hashlib

        answer = self._ask("GET", repository, f"blobs/{digest}", {})
        self._expect(answer, 200, repository)
        if digest != f"sha256:{hashlib.sha256(answer.data).hexdigest()}":
            raise GitopsError(f"{self.host}/{repository}", f"sent another blob than {digest}", "push it again")
        return bytes(answer.data)

    def referrers(self, repository: str, digest: str) -> list[tuple[str, str]]:
        """What refers to the manifest `digest`: artifact type and digest of each, such as signatures.

        A registry without the referrers API has them in an index, under a tag made of the digest.
        """
        answer = self._ask("GET", repository, f"referrers/{digest}", {"Accept": INDEXES[0]})
        data = answer.data if answer.status == 200 else b""
        if answer.status in (400, 404, 405):
            index = self.manifest(repository, digest.replace(":", "-", 1))
            data = index.data if index else b""
        elif answer.status != 200:
            self._expect(answer, 200, repository)
        found = self._document(data, repository).get("manifests") or [] if data else []
        return [(str(each.get("artifactType") or ""), str(each["digest"])) for each in found]

    def tags(self, repository: str) -> list[str]:
        """Every tag of `repository`, page by page; none where the registry has no such repository."""
        result: list[str] = []
        path = "tags/list?n=1000"
        while path:
            answer = self._ask("GET", repository, path, {})
            if answer.status == 404:
                return result
            self._expect(answer, 200, repository)
            result += self._document(answer.data, repository).get("tags") or []
            following = re.search(r'/tags/list\?([^>]+)>; *rel="next"', answer.headers.get("Link", ""))
            path = f"tags/list?{following[1]}" if following else ""
        return result

    def tag(self, repository: str, manifest: Manifest, tag: str) -> None:
        """Give `manifest` another tag. Nothing is uploaded but the manifest itself."""
        headers = {"Content-Type": manifest.media_type}
        answer = self._ask("PUT", repository, f"manifests/{tag}", headers, manifest.data)
        self._expect(answer, 201, f"{repository}:{tag}")

    def _ask(self, method: str, repository: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Any:
        url = f"{self._base}/{repository}/{path}"
        answer = self._request(method, url, {**headers, **self._authorization}, body)
        if answer.status == 401 and not self._authorization:
            self._authorization = self._authorize(answer.headers.get("WWW-Authenticate", ""), repository)
            answer = self._request(method, url, {**headers, **self._authorization}, body)
        return answer

    def _request(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
        import urllib3

        try:
            answer = self._http.request(method, url, headers=headers, body=body, preload_content=False)
            data = answer.read(SIZE_LIMIT + 1)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise GitopsError(self.host, f"the registry does not answer ({_cause(error)})", _ANSWER_HINT) from error
        if len(data) > SIZE_LIMIT:
            raise GitopsError(self.host, f"sends more than {SIZE_LIMIT:,} bytes where a manifest belongs", _ANSWER_HINT)
        return urllib3.HTTPResponse(data, answer.headers, answer.status)

    def _authorize(self, challenge: str, repository: str) -> dict[str, str]:
        known = self._credentials()
        remember((known or ())[1:])
        basic = {"Authorization": "Basic " + base64.b64encode(":".join(known).encode()).decode()} if known else {}
        if not challenge.lower().startswith("bearer"):
            return basic
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        query = {"service": fields.get("service", ""), "scope": f"repository:{repository}:pull,push"}
        realm = fields.get("realm", "")
        if not realm.startswith(("https://", self._base.partition("//")[0])):
            raise GitopsError(self.host, f"wants its credentials sent to '{realm}', unprotected", "check the host")
        answer = self._request("GET", f"{realm}?{urlencode(query)}", basic, None)
        self._expect(answer, 200, repository)
        document = json.loads(answer.data)
        token = document.get("token") or document["access_token"]
        remember((token,))
        return {"Authorization": f"Bearer {token}"}

    def _document(self, data: bytes, subject: str) -> dict[str, Any]:
        try:
            document = json.loads(data)
        except ValueError as error:
            raise GitopsError(f"{self.host}/{subject}", "the registry sends no JSON", _ANSWER_HINT) from error
        if not isinstance(document, dict):
            raise GitopsError(f"{self.host}/{subject}", "the registry sends JSON of another kind", _ANSWER_HINT)
        return document

    def _expect(self, answer: Any, status: int, subject: str) -> None:
        if answer.status == status:
            return
        where = f"{self.host}/{subject}"
        if answer.status in (401, 403):
            raise GitopsError(where, "the registry refuses the credentials", "log in again, or check the role")
        raise GitopsError(where, f"the registry answers {answer.status}: {_message(answer.data)}")


_ANSWER_HINT = "check the network, and `registry` in gitops.yaml"


def _cause(error: Exception) -> str:
    """urllib3's innermost reason: its message without the object that it begins with."""
    text = " ".join(str(getattr(error, "reason", None) or error).split())
    return re.sub(r"^.*?(>|\)): ", "", text) or type(error).__name__


def _message(data: bytes) -> str:
    """The message of a registry's error document, or the start of whatever came instead."""
    try:
        return str(json.loads(data)["errors"][0]["message"])
    except (ValueError, KeyError, IndexError, TypeError):
        # Hidden before it is cut: half of a secret would not be known for one.
        return without(data.decode("utf-8", "replace"))[:200].strip() or "no message"
