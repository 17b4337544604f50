"""What the templates watch, by the checks of `gitops validate`; and what these find in a broken template."""

import pytest

from gitops.template.stacks import stacks
from gitops.validate.finding import Finding
from gitops.validate.log_patterns import query_problems
from gitops.validate.sources import Sources
from gitops.validate.stack_resources import resources_of
from gitops.validate.stack_templates import check_templates
from tests.support.configs import OTHERS, every_config

CLUSTER_METRICS = {
    "cluster_failed_node_count",
    "node_cpu_utilization",
    "node_memory_utilization",
    "node_filesystem_utilization",
    "node_cpu_reserved_capacity",
}
WORKLOAD_METRICS = {"pod_number_of_container_restarts", "status_replicas_unavailable"}
BOOK_ACCESS_COUNT = """\
fields @timestamp
| stats count((log)) as ACCESS_COUNT by bin((5m)
| filter log like /REGION GET
ALL API/
"""
BOOK_ERROR_COUNT = """\
stats count(*) as ERROR_COUNT by kubernetes.container_name
| filter log like /error/
"""


def sources(name: str, old: str = "", new: str = "") -> Sources:
    """The templates of a configuration, `old` replaced by `new` in each."""
    return Sources({stack.path: stack.template.replace(old, new).encode() for stack in stacks(every_config()[name])})


def found(name: str, old: str = "", new: str = "") -> set[str]:
    return {finding.code for finding in findings(name, old, new)}


def findings(name: str, old: str = "", new: str = "") -> list[Finding]:
    return list(check_templates(resources_of(sources(name, old, new)), ()))


@pytest.mark.parametrize("name", ["sample", *OTHERS])
def test_nothing_is_wrong_in_the_templates(name: str) -> None:
    assert findings(name) == []


def test_every_alarm_of_the_notes_is_there_and_tells_somebody() -> None:
    alarms = [r.properties for r in resources_of(sources("sample")) if r.type == "AWS::CloudWatch::Alarm"]
    assert {alarm["MetricName"] for alarm in alarms} >= CLUSTER_METRICS | WORKLOAD_METRICS
    for alarm in alarms:
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        assert alarm["TreatMissingData"] in ("breaching", "notBreaching")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("      AlarmActions: [!Ref AlarmTopic]\n", "", "C001"),
        ("      TreatMissingData: notBreaching\n", "", "C002"),
        ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "C003"),
        ("Type: AWS::CloudWatch::Dashboard", "Type: AWS::CloudWatch::InsightRule", "C004"),
        ('{ $.kubernetes.container_name = "backend-app" && ', "{ ", "C006"),
        ('|| $.log = "*ERROR*"', "|| $.log = %a% || $.log = %b% || $.log = %ERROR%", "C008"),
        ("/(?i)(warn|error)/", "/(warn|error)/", "C012"),
        ("RetentionInDays: 90", "KmsKeyId: x", "C016"),
        ("node_cpu_reserved_capacity", "pod_cpu_reserved_capacity", "C017"),
        ("ScanOnPush: true", "ScanOnPush: false", "C020"),
    ],
)  # fmt: skip
def test_a_broken_template_is_found(old: str, new: str, code: str) -> None:
    assert any(old in stack.template for stack in stacks(every_config()["sample"])), old
    assert code in found("sample", old, new)


def test_the_books_queries_are_found_and_ours_are_not() -> None:
    assert {code for code, _, _ in query_problems(BOOK_ACCESS_COUNT)} == {"C010", "C011"}
    assert [line for code, line, _ in query_problems(BOOK_ACCESS_COUNT) if code == "C010"] == [0, 2]
    assert {code for code, _, _ in query_problems(BOOK_ERROR_COUNT)} == {"C011", "C012"}
    ours = [r.properties["QueryString"] for r in resources_of(sources("sample")) if r.type.endswith("QueryDefinition")]
    assert len(ours) == 3
    assert [problem for query in ours for problem in query_problems(query)] == []
