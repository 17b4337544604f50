"""The logging overlay: its configuration is Fluent Bit's own, and lines end where they should."""

import json

import pytest
import yaml

from gitops.generate import kustomize_tree
from gitops.validate.agents import agent_problems
from gitops.validate.fluent_bit import problems
from tests.generate.sample import sample_config
from tests.support.fluent_bit import FluentBit

FOLDER = "kustomize/overlays/logging/"
TEXTS = {
    path.removeprefix(FOLDER): content.decode()
    for path, content in kustomize_tree(sample_config()).items()
    if path.startswith(FOLDER) and path.endswith(".conf")
}
ID = "0123456789abcdef" * 4
APPLICATION = f"/var/log/containers/backend-app-5c45_eks-work_backend-app-{ID}.log"
MOMENT = "2026-11-24T03:00:00.000000000Z"


def cri(text: str, part: str = "F", stream: str = "stdout") -> str:
    return f"{MOMENT} {stream} {part} {text}"


@pytest.fixture
def fluent_bit() -> FluentBit:
    return FluentBit(TEXTS)


@pytest.mark.parametrize("file", sorted(TEXTS))
def test_the_strict_reader_knows_every_section_plugin_and_key(file: str) -> None:
    assert list(problems(TEXTS[file], set(TEXTS))) == []


def test_a_line_loses_containerds_prefix_and_gains_its_pod(fluent_bit: FluentBit) -> None:
    (record,) = fluent_bit.follow(APPLICATION, [cri("hello")])
    assert record.group == "application"
    assert record.body["log"] == "hello"
    assert record.body["kubernetes"] == {
        "pod_name": "backend-app-5c45",
        "namespace_name": "eks-work",
        "container_name": "backend-app",
    }


def test_a_line_that_containerd_cut_is_joined(fluent_bit: FluentBit) -> None:
    lines = [cri("one, ", "P"), cri("two, ", "P"), cri("three"), cri("four")]
    assert [r.body["log"] for r in fluent_bit.follow(APPLICATION, lines)] == ["one, two, three", "four"]


def test_parts_of_two_streams_are_not_mixed(fluent_bit: FluentBit) -> None:
    lines = [cri("out ", "P"), cri("err ", "P", "stderr"), cri("put"), cri("or", "F", "stderr")]
    assert [r.body["log"] for r in fluent_bit.follow(APPLICATION, lines)] == ["out put", "err or"]


def test_json_is_parsed_where_metric_filters_look_for_it(fluent_bit: FluentBit) -> None:
    line = json.dumps({"level": "ERROR", "message": "no route to host"})
    (record,) = fluent_bit.follow(APPLICATION, [cri(line)])
    assert record.body["log_processed"]["level"] == "ERROR"
    assert record.body["log"] == line


@pytest.mark.parametrize(
    "trace",
    [
        ["java.sql.SQLException: no route", "\tat a.B.c(B.java:1)", "Caused by: x.Y: z", "\t... 3 more"],
        ["Traceback (most recent call last):", '  File "app.py", line 1, in <module>', "    main()", "ValueError: no"],
        ["panic: no", "", "goroutine 1 [running]:", "main.main()", "\t/app/main.go:3 +0x1d"],
    ],
)
def test_a_stack_trace_is_one_event(fluent_bit: FluentBit, trace: list[str]) -> None:
    records = fluent_bit.follow(APPLICATION, [cri(line) for line in ["before", *trace, "after"]])
    assert [record.body["log"] for record in records] == ["before", "\n".join(trace), "after"]


@pytest.mark.parametrize(
    ("container", "group"),
    [
        ("fluent-bit-x1_amazon-cloudwatch_fluent-bit", None),
        ("cloudwatch-agent-x1_amazon-cloudwatch_cloudwatch-agent", "dataplane"),
        ("aws-node-x1_kube-system_aws-node", "dataplane"),
        ("kube-proxy-x1_kube-system_kube-proxy", "dataplane"),
        ("coredns-x1_kube-system_coredns", "application"),
    ],
)
def test_each_container_ends_in_its_group(fluent_bit: FluentBit, container: str, group: str | None) -> None:
    records = fluent_bit.follow(f"/var/log/containers/{container}-{ID}.log", [cri("a line")])
    assert [record.group for record in records] == ([group] if group else [])


@pytest.mark.parametrize(
    ("entry", "group", "keys"),
    [
        ({"_SYSTEMD_UNIT": "kubelet.service"}, "dataplane", {"message", "systemd_unit", "hostname"}),
        ({"_SYSTEMD_UNIT": "containerd.service"}, "dataplane", {"message", "systemd_unit", "hostname"}),
        ({"_TRANSPORT": "kernel"}, "host", {"message", "hostname"}),
        ({"SYSLOG_FACILITY": "10", "SYSLOG_IDENTIFIER": "sshd"}, "host", {"message", "hostname", "ident"}),
    ],
)
def test_the_journal_ends_in_its_group(
    fluent_bit: FluentBit, entry: dict[str, str], group: str, keys: set[str]
) -> None:
    whole = {"MESSAGE": "text", "_HOSTNAME": "node", "_MACHINE_ID": "x", **entry}
    (record,) = fluent_bit.journal(whole)
    assert record.group == group
    assert record.body.keys() == keys


def test_debug_lines_of_the_journal_are_left(fluent_bit: FluentBit) -> None:
    assert fluent_bit.journal({"MESSAGE": "text", "PRIORITY": "7"}) == []
    assert [r.tag for r in fluent_bit.journal({"MESSAGE": "text", "PRIORITY": "6"})] == ["host.messages"]


def test_no_group_is_made_without_retention() -> None:
    outputs = [section for section in FluentBit(TEXTS).sections if section.name == "OUTPUT"]
    assert [section.get("auto_create_group") for section in outputs] == ["false"] * 3


def test_the_cloudwatch_agents_configuration_is_of_its_schema() -> None:
    text = kustomize_tree(sample_config())["kustomize/overlays/monitoring/cwagentconfig.json"].decode()
    assert list(agent_problems(text)) == []
    assert json.loads(text)["logs"]["metrics_collected"]["kubernetes"]["enhanced_container_insights"] is True


def test_an_outage_of_cloudwatch_restarts_nothing() -> None:
    """/api/v1/health counts failed sends: alive must not depend on it, ready may."""
    (container,) = yaml.safe_load(kustomize_tree(sample_config())[FOLDER + "daemonset.yaml"])["spec"]["template"][
        "spec"
    ]["containers"]
    asked = {name: container[name]["httpGet"]["path"] for name in ("livenessProbe", "readinessProbe")}
    assert asked == {"livenessProbe": "/api/v1/uptime", "readinessProbe": "/api/v1/health"}
