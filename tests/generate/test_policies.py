"""Network policies from what applications declare."""

from typing import Any

import yaml

from gitops.config import parse_config
from gitops.generate import config_text, kustomize_tree
from gitops.generate.security import OLDEST
from gitops.generate.upgrade import upgrade
from gitops.validate.schema import known_versions
from tests.generate.sample import ANSWERS

APPLICATIONS = """\
applications:
  - {name: front, image: backend-app-image, port: 8000, callerCidrs: [10.0.0.0/16]}
  - name: backend-app
    image: backend-app-image
    callers: [front]
    egress: [{cidr: 10.0.3.0/24, ports: [5432, 6432]}]
    aws: true
"""


def policies() -> dict[str, Any]:
    text = config_text(ANSWERS)
    start, end = text.index("applications:"), text.index("environments:")
    tree = kustomize_tree(parse_config((text[:start] + APPLICATIONS + text[end:]).encode()))
    return {
        name: yaml.safe_load(tree[f"kustomize/base/{name}/networkpolicy.yaml"])["spec"]
        for name in ("front", "backend-app")
    }


def pods(name: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {"app": name}}}


def test_a_caller_is_let_in_and_may_go_out() -> None:
    both = policies()
    assert both["backend-app"]["ingress"] == [{"from": [pods("front")], "ports": [{"protocol": "TCP", "port": 8080}]}]
    assert both["front"]["egress"] == [{"to": [pods("backend-app")], "ports": [{"protocol": "TCP", "port": 8080}]}]


def test_a_load_balancers_addresses_are_let_in() -> None:
    assert policies()["front"]["ingress"] == [
        {"from": [{"ipBlock": {"cidr": "10.0.0.0/16"}}], "ports": [{"protocol": "TCP", "port": 8000}]}
    ]


def test_databases_and_the_identity_agent_are_reached() -> None:
    database, agent = policies()["backend-app"]["egress"]
    assert database["to"] == [{"ipBlock": {"cidr": "10.0.3.0/24"}}]
    assert [port["port"] for port in database["ports"]] == [5432, 6432]
    assert agent == {"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": [{"protocol": "TCP", "port": 80}]}


def test_an_application_without_callers_lets_nobody_in() -> None:
    text = config_text(ANSWERS).replace(", autoscaling: {max: 10}", "")
    policy = yaml.safe_load(
        kustomize_tree(parse_config(text.encode()))["kustomize/base/backend-app/networkpolicy.yaml"]
    )
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & policy["spec"].keys()


STAGING, LOAD = "kustomize/overlays/staging", "kustomize/load-test"


def test_only_the_environment_that_is_load_tested_lets_the_load_in() -> None:
    tree = kustomize_tree(parse_config(config_text(ANSWERS).encode()))
    speaks_of_it = {path for path, text in tree.items() if b"load-test" in text and path != "kustomize/pins.yaml"}
    assert {path.rpartition("/")[0] for path in speaks_of_it} == {STAGING, LOAD}
    assert speaks_of_it > {f"{STAGING}/kustomization.yaml", f"{STAGING}/load-test.yaml"}
    policy = yaml.safe_load(tree[f"{STAGING}/load-test.yaml"])["spec"]
    test = {"app": "load-test"}
    from_there = {"kubernetes.io/metadata.name": yaml.safe_load(tree[f"{LOAD}/namespace.yaml"])["metadata"]["name"]}
    peer = {"namespaceSelector": {"matchLabels": from_there}, "podSelector": {"matchLabels": test}}
    assert policy["podSelector"] == {"matchLabels": {"app": "backend-app"}}
    assert policy["ingress"] == [{"from": [peer], "ports": [{"protocol": "TCP", "port": 8080}]}]
    assert "ingress" not in yaml.safe_load(tree["kustomize/base/backend-app/networkpolicy.yaml"])["spec"]


def test_without_autoscaling_nothing_is_load_tested() -> None:
    text = config_text(ANSWERS).replace(", autoscaling: {max: 10}", "")
    tree = kustomize_tree(parse_config(text.encode()))
    assert not [path for path in tree if "load-test" in path]
    assert b"load-test" not in tree[f"{STAGING}/kustomization.yaml"]


def test_it_comes_into_an_overlay_that_people_have_added_to() -> None:
    path = f"{STAGING}/kustomization.yaml"
    ours = kustomize_tree(parse_config(config_text(ANSWERS).encode()))[path]
    before = ours.replace(b"  - load-test.yaml\n", b"")
    edited = before.replace(b"  - ../../base\n", b"  - ../../base\n  - mine.yaml\n").replace(b"unreleased", b"1.4.2")
    (change,) = upgrade({path: ours}, {path: edited}, {path: before})
    assert (change.action, change.content) == (
        "merge",
        edited.replace(b"  - ../../base\n", b"  - load-test.yaml\n  - ../../base\n"),
    )


def test_pods_are_held_to_the_oldest_rules_known_where_no_version_is() -> None:
    assert known_versions()[0] == OLDEST
