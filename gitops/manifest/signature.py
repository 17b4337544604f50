"""Whether an image was signed with a key: cosign's signatures, read from the registry beside the image.

Two forms. cosign's own: a manifest tagged `sha256-….sig`, a layer a signature, each layer the signed payload
(sigstore/cosign, specs/SIGNATURE_SPEC.md). cosign 3's: Sigstore bundles that refer to the image (OCI referrers), each
an in-toto statement in a DSSE envelope (secure-systems-lab/dsse, protocol.md). The key alone decides: no certificate
and no transparency log is asked.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from gitops.clients.registry import Manifest
from gitops.config import Image
from gitops.errors import GitopsError, count_of

PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGNATURE = "dev.cosignproject.cosign/signature"
"""Annotation of a layer: the signature of its content, in base64."""
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle"
STATEMENT_TYPE = "application/vnd.in-toto+json"
PREDICATE = "https://sigstore.dev/cosign/sign/v1"
"""What a statement says of an image that is signed; other predicates are attestations."""
NOTATION_TYPE = "application/vnd.cncf.notary.signature"
"""Also of AWS Signer."""

MOST = 50
"""Signatures of one image that are looked at."""

Verify = Callable[[bytes, bytes], bool]
"""Whether a signature is one of some data, by the key."""


class Registry(Protocol):
    """What is asked of a registry. `gitops.clients.registry.RegistryClient` is one."""

    def manifest(self, repository: str, reference: str) -> Manifest | None: ...

    def blob(self, repository: str, digest: str) -> bytes: ...

    def referrers(self, repository: str, digest: str) -> list[tuple[str, str]]: ...


def refuse_unsigned(image: Image, digest: str, key: bytes, key_file: str, registry: Registry) -> None:
    """Raise `GitopsError` unless `image` at `digest` was signed with the key whose public part is the PEM `key`."""
    verify = verifier(key, key_file)
    subject = f"{image.repository}@{digest[:19]}"
    found = 0
    for says_so in _signatures(registry, image.repository, digest, verify):
        if says_so:
            return
        found += 1
    if found:
        problem = f"has {count_of(found, 'signature')}, none of it with the key {key_file}"
        raise GitopsError(subject, problem, "sign this digest with that key, or check the key")
    if any(kind == NOTATION_TYPE for kind, _ in registry.referrers(image.repository, digest)):
        problem = "is signed with Notation or AWS Signer, which this gate does not verify"
        raise GitopsError(subject, problem, "sign it with cosign as well, or take `signature` out of gitops.yaml")
    raise GitopsError(subject, "is not signed, which its gate asks for", f"cosign sign --key … {image.repository}@…")


def _signatures(registry: Registry, repository: str, digest: str, verify: Verify) -> Iterator[bool]:
    """Of each signature of cosign's, whether it says with the key that `digest` is signed."""
    if manifest := registry.manifest(repository, digest.replace(":", "-", 1) + ".sig"):
        for layer in _list(manifest.data, "layers")[:MOST]:
            signature = (layer.get("annotations") or {}).get(SIGNATURE)
            if layer.get("mediaType") == PAYLOAD_TYPE and signature:
                payload = registry.blob(repository, str(layer.get("digest")))
                yield _verified(verify, signature, payload) and _payload_is_of(payload, digest)
    referrers = registry.referrers(repository, digest)
    bundles = [reference for kind, reference in referrers if kind.startswith(BUNDLE_TYPE)]
    for reference in bundles[:MOST]:
        manifest = registry.manifest(repository, reference)
        for layer in _list(manifest.data, "layers")[:1] if manifest else []:
            envelope = _dict(registry.blob(repository, str(layer.get("digest")))).get("dsseEnvelope")
            if isinstance(envelope, dict) and envelope.get("payloadType") == STATEMENT_TYPE:
                yield from _envelope_signatures(envelope, digest, verify)


def _envelope_signatures(envelope: dict[str, Any], digest: str, verify: Verify) -> Iterator[bool]:
    """Of a DSSE envelope's signatures. One of an attestation is none of the image."""
    payload = _decoded(envelope.get("payload"))
    statement = _dict(payload)
    if statement.get("predicateType") != PREDICATE:
        return
    signed = b"DSSEv1 %d %b %d %b" % (len(STATEMENT_TYPE), STATEMENT_TYPE.encode(), len(payload), payload)
    algorithm, _, value = digest.partition(":")
    digests = [each["digest"] for each in statement.get("subject") or [] if isinstance(each, dict) and "digest" in each]
    is_of = any(isinstance(each, dict) and each.get(algorithm) == value for each in digests)
    for each in envelope.get("signatures") or []:
        yield is_of and isinstance(each, dict) and _verified(verify, each.get("sig"), signed)


def _payload_is_of(payload: bytes, digest: str) -> bool:
    critical = _dict(payload).get("critical")
    if not isinstance(critical, dict) or critical.get("type") != "cosign container image signature":
        return False
    image = critical.get("image")
    return isinstance(image, dict) and image.get("docker-manifest-digest") == digest


def _verified(verify: Verify, signature: object, data: bytes) -> bool:
    raw = _decoded(signature)
    return bool(raw) and verify(raw, data)


def _decoded(text: object) -> bytes:
    """`text` out of base64; nothing where it is no such text."""
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except binascii.Error:
        return b""


def _dict(data: bytes) -> dict[str, Any]:
    """A JSON object; an empty one where `data` is none."""
    try:
        document = json.loads(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _list(data: bytes, key: str) -> list[dict[str, Any]]:
    items = _dict(data).get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def verifier(pem: bytes, file: str) -> Verify:
    """What verifies signatures by the public key `pem`, called `file` in errors: ECDSA, RSA (PKCS #1) or Ed25519.

    With SHA-256, as cosign signs. Raises `GitopsError` for what is no such key.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE KEY" in pem:
        raise GitopsError(file, "holds a private key", "put the public one there, and make a new pair: this one is out")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise GitopsError(file, "holds no public key in PEM", "cosign generate-key-pair writes cosign.pub") from error

    def verify(signature: bytes, data: bytes) -> bool:
        try:
            if isinstance(key, ec.EllipticCurvePublicKey):
                key.verify(signature, data, ec.ECDSA(SHA256()))
            elif isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, data, padding.PKCS1v15(), SHA256())
            elif isinstance(key, ed25519.Ed25519PublicKey):
                key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    if not isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey, ed25519.Ed25519PublicKey)):
        raise GitopsError(file, "holds a key that is not ECDSA, RSA or Ed25519", "make one: cosign generate-key-pair")
    return verify
