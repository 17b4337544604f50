"""Network policies from what applications declare."""

from typing import Any

import yaml

from gitops.config import parse_config
from gitops.generate import config_text, kustomize_tree
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
