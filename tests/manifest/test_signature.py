"""The gates on what the registry has: that a digest is there, for the platforms, and signed. A real registry."""

import shutil
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from gitops.cli import run
from gitops.clients.registry import RegistryClient
from gitops.config import Image
from gitops.demo.registry import registry_server
from gitops.errors import GitopsError
from gitops.manifest.signature import refuse_unsigned, verifier
from tests.support.manifest_server import bare, clone, server, url
from tests.support.manifests import git
from tests.support.signatures import BUNDLE, Key, Pusher, bundle, payload

__all__ = ["bare", "clone", "server", "url"]

pytestmark = pytest.mark.registry

REPOSITORY = "team/backend-app"
IMAGE = Image("backend-app-image", REPOSITORY)
_NUMBERS = count()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry_server(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def pusher(host: str) -> Pusher:
    return Pusher(host)


@pytest.fixture
def digest(pusher: Pusher) -> str:
    """An image that nobody has signed yet."""
    labels = {"org.opencontainers.image.created": "2026-11-24T00:00:00Z", "n": str(next(_NUMBERS))}
    return pusher.image(REPOSITORY, "1.4.2", {"os": "linux", "architecture": "amd64", "config": {"Labels": labels}})


def check(host: str, digest: str, key: bytes) -> None:
    refuse_unsigned(IMAGE, digest, key, "cosign.pub", RegistryClient(host, lambda: None))


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa", "ed25519"])
def test_a_signature_with_the_key_passes(kind: str, host: str, pusher: Pusher, digest: str) -> None:
    key = Key(kind)
    pusher.sign(REPOSITORY, digest, (payload(digest), key.sign(payload(digest))))
    check(host, digest, key.pem)


@pytest.mark.parametrize("kind", ["p256", "rsa", "ed25519"])
def test_a_bundle_with_the_key_passes(kind: str, host: str, pusher: Pusher, digest: str) -> None:
    key = Key(kind)
    pusher.refer(REPOSITORY, digest, BUNDLE, bundle(digest, key.sign))
    check(host, digest, key.pem)


def test_one_of_several_signatures_is_enough(host: str, pusher: Pusher, digest: str) -> None:
    ours, other = Key("p256"), Key("p256")
    said = payload(digest)
    pusher.sign(REPOSITORY, digest, (said, other.sign(said)), (said, b"no signature"), (said, ours.sign(said)))
    check(host, digest, ours.pem)


def test_what_is_signed_by_openssl_passes(host: str, pusher: Pusher, digest: str, tmp_path: Path) -> None:
    """Another implementation than the one that verifies."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not on PATH")
    key, said = tmp_path / "key.pem", tmp_path / "payload"
    said.write_bytes(payload(digest))
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True, capture_output=True
    )
    public = subprocess.run(["openssl", "ec", "-in", key, "-pubout"], check=True, capture_output=True).stdout
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, said], check=True, capture_output=True)
    pusher.sign(REPOSITORY, digest, (said.read_bytes(), signature.stdout))
    check(host, digest, public)


def reason(host: str, digest: str, key: bytes) -> str:
    with pytest.raises(GitopsError) as caught:
        check(host, digest, key)
    assert caught.value.subject == f"{REPOSITORY}@{digest[:19]}"
    return caught.value.problem


def test_what_is_not_signed_is_refused(host: str, digest: str) -> None:
    assert reason(host, digest, Key("p256").pem) == "is not signed, which its gate asks for"


def test_another_key_is_refused(host: str, pusher: Pusher, digest: str) -> None:
    pusher.sign(REPOSITORY, digest, (payload(digest), Key("p256").sign(payload(digest))))
    assert reason(host, digest, Key("p256").pem) == "has 1 signature, none of it with the key cosign.pub"
    assert "none of it with the key" in reason(host, digest, Key("rsa").pem)


def test_a_signature_of_another_image_is_refused(host: str, pusher: Pusher, digest: str) -> None:
    """The signature of a signed image, copied to one that is not."""
    key, said = Key("p256"), payload("sha256:" + "0" * 64)
    pusher.sign(REPOSITORY, digest, (said, key.sign(said)))
    pusher.refer(REPOSITORY, digest, BUNDLE, bundle("sha256:" + "0" * 64, key.sign))
    assert reason(host, digest, key.pem) == "has 2 signatures, none of it with the key cosign.pub"


def test_a_changed_payload_is_refused(host: str, pusher: Pusher, digest: str) -> None:
    key = Key("p256")
    pusher.sign(REPOSITORY, digest, (payload(digest) + b" ", key.sign(payload(digest))))
    assert "none of it" in reason(host, digest, key.pem)


def test_a_signature_of_something_else_is_refused(host: str, pusher: Pusher, digest: str) -> None:
    key, said = Key("p256"), payload(digest, "atomic container signature")
    pusher.sign(REPOSITORY, digest, (said, key.sign(said)), (b"[]", key.sign(b"[]")))
    pusher.refer(REPOSITORY, digest, BUNDLE, bundle(digest, key.sign, "https://slsa.dev/provenance/v1"))
    assert reason(host, digest, key.pem) == "has 2 signatures, none of it with the key cosign.pub"


def test_notation_is_named(host: str, pusher: Pusher, digest: str) -> None:
    pusher.refer(REPOSITORY, digest, "application/vnd.cncf.notary.signature", b"jws")
    assert reason(host, digest, Key("p256").pem).startswith("is signed with Notation or AWS Signer, which")


@pytest.mark.parametrize(
    ("pem", "problem"),
    [
        (b"", "holds no public key in PEM"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "holds no public key in PEM"),
        (b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n", "holds a private key"),
    ],
)
def test_what_is_no_public_key_is_refused(pem: bytes, problem: str) -> None:
    with pytest.raises(GitopsError, match=f"cosign.pub: {problem}"):
        verifier(pem, "cosign.pub")


def test_a_key_of_another_kind_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric import x25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = x25519.X25519PrivateKey.generate().public_key()
    with pytest.raises(GitopsError, match="is not ECDSA, RSA or Ed25519"):
        verifier(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "k")


@pytest.fixture
def gated(clone: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> Key:
    """The clone's image is at the registry, and must be signed with this key."""
    monkeypatch.chdir(clone)
    key = Key("p256")
    text = (clone / "gitops.yaml").read_text().replace('"r.example"', f'"{host}"')
    text = text.replace("repository: team/backend-app}", "repository: team/backend-app, signature: {key: cosign.pub}}")
    (clone / "gitops.yaml").write_text(text)
    (clone / "cosign.pub").write_bytes(key.pem)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "-m", "Ask for a signature")
    git(clone, "push", "--quiet")
    return key


def bump(*arguments: str) -> int:
    return run(["bump", "backend-app", "-e", "prod", *arguments])


def test_a_bump_passes_the_gate_or_not(
    gated: Key, bare: Path, url: str, pusher: Pusher, digest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = git(bare, "rev-parse", "main")
    for given in (["--tag", "1.4.2"], ["--digest", digest, "--tag", "1.4.2", "--unchecked"]):
        assert bump(*given) == 1
        assert capsys.readouterr().err.startswith(f"{REPOSITORY}@{digest[:19]}: is not signed")
    assert git(bare, "rev-parse", "main") == before
    pusher.sign(REPOSITORY, digest, (payload(digest), gated.sign(payload(digest))))
    assert bump("--tag", "1.4.2", "--repository", url) == 0
    assert digest in git(bare, "show", "main:kustomize/overlays/prod/kustomization.yaml")


def test_a_digest_that_is_given_is_asked_for(
    clone: Path, host: str, digest: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(clone)
    text = (clone / "gitops.yaml").read_text().replace('"r.example"', f'"{host}"')
    (clone / "gitops.yaml").write_text(text)
    git(clone, "commit", "--quiet", "-am", "Move")
    git(clone, "push", "--quiet")
    unknown = "sha256:" + "4d" * 32
    assert bump("--tag", "1.4.2", "--digest", unknown) == 1
    assert f"{REPOSITORY}:1.4.2: is {digest}, not {unknown}" in capsys.readouterr().err
    assert bump("--digest", unknown) == 1
    assert f"{REPOSITORY}@{unknown}: is not in the registry" in capsys.readouterr().err
    (clone.parent / "image.json").write_text(
        f'{{"name": "backend-app-image", "repository": "{host}/{REPOSITORY}", "tag": "1", "digest": "{unknown}"}}'
    )
    assert bump("--from", "../image.json") == 1
    assert f"@{unknown}: is not in the registry" in capsys.readouterr().err
    assert bump("--tag", "1.4.2", "--digest", digest) == 0
    assert "Image-Created: 2026-11-24T00:00:00Z" in git(clone, "log", "-1", "--format=%B")


def test_a_hostile_tag_never_reaches_the_registry(
    gated: Key, host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(RegistryClient, "_request", lambda *_: pytest.fail("asked"))
    for tag in ("../../_catalog", "-x", "a b", "a\nb", "x?y=1", "$(touch evil)"):
        assert bump("--tag", tag) == 1
        assert "is not what a registry accepts" in capsys.readouterr().err


def commit_config(text: str) -> None:
    Path("gitops.yaml").write_text(text)
    git(Path(), "commit", "--quiet", "-am", "Change the gates")
    git(Path(), "push", "--quiet")


def test_a_promotion_asks_the_gate_again(
    gated: Key, bare: Path, pusher: Pusher, digest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with_gate = Path("gitops.yaml").read_text().replace("  - {name: worker-image, repository: team/worker}\n", "")
    commit_config(with_gate.replace(", signature: {key: cosign.pub}", ""))
    assert run(["bump", "backend-app", "-e", "staging", "--tag", "1.4.2"]) == 0
    commit_config(with_gate)
    before = git(bare, "rev-parse", "main")
    capsys.readouterr()
    assert run(["promote", "staging", "prod"]) == 1
    assert capsys.readouterr().err.startswith(f"{REPOSITORY}@{digest[:19]}: is not signed")
    assert git(bare, "rev-parse", "main") == before
    pusher.sign(REPOSITORY, digest, (payload(digest), gated.sign(payload(digest))))
    assert run(["promote", "staging", "prod"]) == 0
    assert digest in git(bare, "show", "main:kustomize/overlays/prod/kustomization.yaml")
