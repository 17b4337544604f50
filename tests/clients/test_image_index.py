"""Tags and digests, asked of a real registry."""

from pathlib import Path

import pytest
import urllib3

from gitops.clients.image_index import RegistryIndex
from gitops.clients.registry import MANIFESTS
from gitops.demo.registry import registry_server

CONFIG = b"{}"


def push(host: str, name: str, tag: str, content: bytes = CONFIG) -> str:
    """An image without layers; gives its digest."""
    import hashlib
    import json

    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    base = f"http://{host}/v2/{name}"
    place = urllib3.request("POST", f"{base}/blobs/uploads/").headers["Location"]
    joint = "&" if "?" in place else "?"
    urllib3.request("PUT", f"{place}{joint}digest={digest}", body=content)
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(content), "digest": digest}
    body = json.dumps({"schemaVersion": 2, "mediaType": MANIFESTS[0], "config": config, "layers": []}).encode()
    answer = urllib3.request("PUT", f"{base}/manifests/{tag}", body=body, headers={"Content-Type": MANIFESTS[0]})
    assert answer.status == 201, answer.data
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@pytest.mark.registry
def test_tags_and_digests_come_from_the_registry(tmp_path: Path) -> None:
    with registry_server(tmp_path) as host:
        first, second = push(host, "a/b", "v1.36.1"), push(host, "a/b", "v1.36.2", b'{"os": "linux"}')
        index = RegistryIndex()
        assert sorted(index.tags(f"{host}/a/b")) == ["v1.36.1", "v1.36.2"]
        assert index.digest(f"{host}/a/b", "v1.36.1") == first
        assert index.digest(f"{host}/a/b", "v1.36.2") == second != first
        assert index.digest(f"{host}/a/b", "v1.36.3") is None
        assert index.tags(f"{host}/no/such") == []


@pytest.mark.registry
def test_every_page_of_tags_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with registry_server(tmp_path) as host:
        wanted = {f"v{number}" for number in range(7)}
        for tag in wanted:
            push(host, "a/b", tag)
        from gitops.clients import registry

        source = registry.RegistryClient(host, lambda: None)
        asked = source._ask
        monkeypatch.setattr(
            source, "_ask", lambda m, r, path, h, b=None: asked(m, r, path.replace("n=1000", "n=3"), h, b)
        )
        assert set(source.tags("a/b")) == wanted
