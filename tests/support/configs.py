"""Configs that tests share: the beginning of a small one, the sample, and five that a team could have instead."""

from pathlib import Path

from gitops.config import Config, load_config, parse_config

REPOSITORY = Path(__file__).parents[2]

SHOP = """\
apiVersion: gitops/v1
name: shop
region: eu-west-1
account: "111122223333"
source: {repository: shop-app}
manifests: {repository: shop-manifests}
"""
"""Who and where: what is shipped to which environment comes behind it."""
BASE = (
    SHOP
    + """\
images:
  - {name: web, repository: shop/web}
clusters:
  - {name: shop, version: "1.36"}
platform: {overlays: [security, logging, monitoring, autoscaling]}
"""
)

ONE_ENVIRONMENT = (
    BASE
    + """\
environments:
  - {name: prod, cluster: shop, namespace: shop}
"""
)

SIX_ENVIRONMENTS = (
    BASE
    + """\
environments:
  - {name: dev,     cluster: shop, namespace: shop-dev}
  - {name: test,    cluster: shop, namespace: shop-test}
  - {name: staging, cluster: shop, namespace: shop-staging}
  - {name: load,    cluster: shop, namespace: shop-load}
  - {name: canary,  cluster: shop, namespace: shop-canary, approval: true}
  - {name: prod,    cluster: shop, namespace: shop, approval: true}
pipeline: {notify: [oncall@example.com, team@example.com], retentionDays: 365}
"""
)

FROM_GITHUB = (
    BASE.replace(
        "source: {repository: shop-app}",
        "source: {repository: example/shop-app, url: https://example.com/shop-app.git, connection: "
        '"arn:aws:codeconnections:eu-west-1:111122223333:connection/5b1c0f0e-8f4c-4b7e-9d1a-2f6a1c9e3b77"}',
    )
    + """\
environments:
  - {name: staging, cluster: shop, namespace: shop-staging}
  - {name: prod,    cluster: shop, namespace: shop, approval: true}
"""
)

TWO_ACCOUNTS = (
    BASE.replace(
        '  - {name: shop, version: "1.36"}',
        '  - {name: shop, version: "1.36"}\n'
        '  - {name: shop-us, version: "1.35", region: us-east-1, account: "444455556666"}\n'
        '  - {name: shop-eu, version: "1.36", region: eu-central-1, account: "444455556666"}',
    )
    + """\
environments:
  - {name: staging, cluster: shop,    namespace: shop-staging}
  - {name: prod-us, cluster: shop-us, namespace: shop, approval: true}
  - {name: prod-eu, cluster: shop-eu, namespace: shop, approval: true}
"""
)

MONOREPO = (
    BASE.replace(
        "  - {name: web, repository: shop/web}\n",
        "".join(
            f"  - {{name: {name}, repository: shop/{name}, context: services/{name}, test: make test}}\n"
            for name in ("web", "cart", "search", "orders", "stock", "users", "mail", "bills", "reports", "admin")
        ),
    )
    + """\
environments:
  - {name: staging, cluster: shop, namespace: shop-staging}
  - {name: prod,    cluster: shop, namespace: shop, approval: true}
"""
)

OTHERS = {
    "one environment": ONE_ENVIRONMENT,
    "six environments": SIX_ENVIRONMENTS,
    "GitHub source": FROM_GITHUB,
    "three clusters in two accounts and regions": TWO_ACCOUNTS,
    "monorepo with ten images": MONOREPO,
}
"""Name -> gitops.yaml."""


def sample() -> Config:
    """The gitops.yaml at the top of this repository."""
    return load_config(REPOSITORY / "gitops.yaml")


def other(name: str) -> Config:
    """One of `OTHERS`."""
    return parse_config(OTHERS[name].encode())


def every_config() -> dict[str, Config]:
    """The sample and the others."""
    return {"sample": sample(), **{name: other(name) for name in OTHERS}}


def variation(*replacements: tuple[str, str], extra: str = "") -> Config:
    """The sample with texts replaced in its YAML, each of which must be there, and `extra` lines at its end."""
    text = (REPOSITORY / "gitops.yaml").read_text("utf-8")
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return parse_config((text + extra).encode())
