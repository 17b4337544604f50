"""A small sound repository, and defects planted in it. A line that ends with `#! CODE` is where CODE must be found."""

import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path

from gitops.cli.overlays import overlays_of
from gitops.config import parse_config
from gitops.validate import Finding, validate
from tests.support.configs import SHOP

DIGEST = "sha256:" + "1a" * 32
CONFIG = (
    SHOP
    + """\
images:
  - {name: app-image, repository: shop/app}
clusters:
  - {name: shop-cluster, version: "1.36"}
platform:
  overlays: []
environments:
  - {name: prod, cluster: shop-cluster, namespace: shop}
"""
)
KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - sound.yaml
  - defect.yaml
"""
SOUND = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/enforce-version: v1.36
    pod-security.kubernetes.io/audit: restricted
    pod-security.kubernetes.io/audit-version: v1.36
    pod-security.kubernetes.io/warn: restricted
    pod-security.kubernetes.io/warn-version: v1.36
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: app
  namespace: shop
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shop
data:
  MODE: "on"
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  namespace: shop
spec:
  selector:
    matchLabels:
      app: app
  template:
    metadata:
      labels:
        app: app
    spec:
      serviceAccountName: app
      securityContext:
        runAsNonRoot: true
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: app
          image: registry.example/app:1.0@{DIGEST}
          ports:
            - name: http
              containerPort: 8080
          envFrom:
            - configMapRef:
                name: settings
          resources:
            requests:
              cpu: 100m
              memory: 64Mi
            limits:
              memory: 64Mi
          readinessProbe:
            httpGet:
              path: /health
              port: http
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop:
                - ALL
---
apiVersion: v1
kind: Service
metadata:
  name: app
  namespace: shop
spec:
  selector:
    app: app
  ports:
    - port: 8080
      targetPort: http
"""
DEPLOYMENT = next(text for text in SOUND.split("---\n") if "kind: Deployment" in text)
"""A sound Deployment; `workload` gives it another name, so that it stands beside the one of `SOUND`."""


def workload(old: str = "", new: str = "") -> str:
    """A second sound Deployment, with `old` replaced by `new`."""
    text = DEPLOYMENT.replace("  name: app\n  namespace", "  name: other\n  namespace").replace(
        "app: app", "app: other"
    )
    assert not old or old in text, old
    return text.replace(old, new, 1)


@dataclass(frozen=True)
class Defect:
    """What is planted: `defect.yaml` beside the sound objects, or any file of the overlay instead.

    `files` are relative to the overlay; `beside` to the repository's top.
    """

    name: str
    text: str = ""
    files: dict[str, str] = field(default_factory=dict)
    config: tuple[str, str] = ("", "")
    beside: dict[str, str] = field(default_factory=dict)

    def marked(self) -> dict[str, str]:
        """The overlay's files, with the marks."""
        files = {"kustomization.yaml": KUSTOMIZATION, "sound.yaml": SOUND, "defect.yaml": self.text, **self.files}
        files |= {f"../../../{name}": text for name, text in self.beside.items()}
        if not self.text:
            del files["defect.yaml"]
            files["kustomization.yaml"] = files["kustomization.yaml"].replace("  - defect.yaml\n", "")
        return files

    def expected(self) -> set[tuple[str, int, str]]:
        """(file, line, code) of every `#! CODE`."""
        return {
            (posixpath.normpath(f"kustomize/overlays/prod/{name}"), number, code)
            for name, text in self.marked().items()
            for number, line in enumerate(text.splitlines(), 1)
            for marks in re.findall(r"#!([A-Z0-9, ]+)$", line)
            for code in re.findall(r"[A-Z]\d{3}", marks)
        }

    def write(self, root: Path) -> None:
        overlay = root / "kustomize/overlays/prod"
        for name, text in self.marked().items():
            (overlay / name).parent.mkdir(parents=True, exist_ok=True)
            # Without the marks: a block of text would hold them.
            (overlay / name).write_text(re.sub(r" *#![A-Z0-9, ]+$", "", text, flags=re.MULTILINE))
        (root / "gitops.yaml").write_text(CONFIG.replace(*self.config) if self.config[0] else CONFIG)


def findings(root: Path) -> list[Finding]:
    overlays, failed = overlays_of(parse_config((root / "gitops.yaml").read_bytes()), root)
    return [*failed, *validate(overlays)]
