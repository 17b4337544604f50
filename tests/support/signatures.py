"""Signatures in a registry, in the formats of cosign 2 (a .sig tag) and cosign 3 (Sigstore bundles as referrers)."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import urllib3
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
TYPE = "cosign container image signature"
PREDICATE = "https://sigstore.dev/cosign/sign/v1"

Sign = Callable[[bytes], bytes]


class Key:
    """A key pair: what signs, and the public part as PEM."""

    def __init__(self, kind: str) -> None:
        self.sign: Sign
        public: Any
        if kind == "ed25519":
            ed = ed25519.Ed25519PrivateKey.generate()
            self.sign, public = ed.sign, ed.public_key()
        elif kind == "rsa":
            own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            self.sign, public = (lambda data: own.sign(data, padding.PKCS1v15(), SHA256())), own.public_key()
        else:
            curve = ec.generate_private_key(ec.SECP256R1() if kind == "p256" else ec.SECP384R1())
            self.sign, public = (lambda data: curve.sign(data, ec.ECDSA(SHA256()))), curve.public_key()
        self.pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Pusher:
    """Writes to a registry without a login."""

    def __init__(self, host: str) -> None:
        self.base = f"http://{host}/v2"
        self.http = urllib3.PoolManager(retries=False)

    def blob(self, repository: str, data: bytes) -> dict[str, Any]:
        started = self.http.request("POST", f"{self.base}/{repository}/blobs/uploads/")
        location = started.headers["Location"]
        target = f"{location}{'&' if '?' in location else '?'}digest={sha256(data)}"
        headers = {"Content-Type": "application/octet-stream"}
        assert self.http.request("PUT", target, body=data, headers=headers).status == 201
        return {"digest": sha256(data), "size": len(data)}

    def manifest(self, repository: str, tag: str, document: dict[str, Any]) -> str:
        data = json.dumps({"schemaVersion": 2, **document}).encode()
        headers = {"Content-Type": document["mediaType"]}
        answer = self.http.request(
            "PUT", f"{self.base}/{repository}/manifests/{tag or sha256(data)}", body=data, headers=headers
        )
        assert answer.status == 201, answer.data
        return sha256(data)

    def image(self, repository: str, tag: str, config: dict[str, Any]) -> str:
        described = self.blob(repository, json.dumps(config).encode())
        kind = {"mediaType": "application/vnd.oci.image.config.v1+json"}
        return self.manifest(repository, tag, {"mediaType": MANIFEST, "config": {**kind, **described}, "layers": []})

    def sign(self, repository: str, digest: str, *payloads: tuple[bytes, bytes]) -> None:
        """As cosign 2: every payload with its signature, one manifest for all."""
        layers = [
            {
                "mediaType": "application/vnd.dev.cosign.simplesigning.v1+json",
                **self.blob(repository, payload),
                "annotations": {"dev.cosignproject.cosign/signature": base64.b64encode(signature).decode()},
            }
            for payload, signature in payloads
        ]
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", **self.blob(repository, b"{}")}
        self.manifest(
            repository,
            digest.replace(":", "-") + ".sig",
            {"mediaType": MANIFEST, "config": config, "layers": layers},
        )

    def refer(self, repository: str, digest: str, artifact_type: str, content: bytes) -> None:
        """As cosign 3 where the registry has no referrers API: an index under a tag made of the digest."""
        empty = {"mediaType": "application/vnd.oci.empty.v1+json", **self.blob(repository, b"{}")}
        layer = {"mediaType": artifact_type, **self.blob(repository, content)}
        document = {"mediaType": MANIFEST, "artifactType": artifact_type, "config": empty, "layers": [layer]}
        referrer = self.manifest(repository, "", document)
        entry = {"mediaType": MANIFEST, "artifactType": artifact_type, "digest": referrer, "size": 1}
        size = len(json.dumps({"schemaVersion": 2, **document}))
        index = {"mediaType": INDEX, "manifests": [{**entry, "size": size}]}
        self.manifest(repository, digest.replace(":", "-"), index)


def payload(digest: str, kind: str = TYPE) -> bytes:
    """What cosign 2 signs."""
    critical = {"identity": {"docker-reference": "r"}, "image": {"docker-manifest-digest": digest}, "type": kind}
    return json.dumps({"critical": critical, "optional": None}).encode()


def bundle(digest: str, sign: Sign, predicate: str = PREDICATE) -> bytes:
    """What cosign 3 pushes."""
    subject = [{"name": "", "digest": {"sha256": digest.removeprefix("sha256:")}}]
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": predicate}
    data, kind = json.dumps({**statement, "predicate": {}}).encode(), "application/vnd.in-toto+json"
    signed = f"DSSEv1 {len(kind)} {kind} {len(data)} ".encode() + data
    envelope = {
        "payload": base64.b64encode(data).decode(),
        "payloadType": kind,
        "signatures": [{"sig": base64.b64encode(sign(signed)).decode()}],
    }
    return json.dumps(
        {"mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": "x"}}, "dsseEnvelope": envelope}
    ).encode()
