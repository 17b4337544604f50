"""Alarms on clusters, applications and pipelines, each saying what a silence means.

Metrics are those of Container Insights with enhanced observability (namespace ContainerInsights). `PodName` is the
workload's name there, not the pod's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops.config import Application, Cluster, Config, Environment
from gitops.template import catalogues, names
from gitops.template.names import Place
from gitops.template.yaml_text import Block, Comment, Tagged


@dataclass(frozen=True)
class Alarm:
    """What an alarm needs to know; the rest is the same for all."""

    id: str
    description: str
    metric: str
    dimensions: Mapping[str, str]
    threshold: float
    statistic: str = "Average"
    namespace: str = "ContainerInsights"
    comparison: str = "GreaterThanThreshold"
    minutes: int = 5
    periods: int = 3
    missing: str = "notBreaching"
    why_missing: str = field(default="Nothing is reported while nothing runs.")


def alarms(config: Config, place: Place) -> Iterator[Alarm]:
    """The alarms on clusters and applications, in the order of gitops.yaml."""
    for cluster in place.clusters:
        yield from _cluster_alarms(cluster)
        for environment in names.environments_on(config, cluster):
            for application in config.workloads:
                yield from _application_alarms(config, cluster, environment, application)


def _cluster_alarms(cluster: Cluster) -> Iterator[Alarm]:
    silence = "A cluster that reports nothing has lost its agent, or its nodes."

    def alarm(name: str, description: str, metric: str, threshold: float, **more: Any) -> Alarm:
        return Alarm(
            names.logical(name, cluster.name),
            f"{cluster.name}: {description}",
            metric,
            {"ClusterName": cluster.name},
            threshold,
            **more,
        )

    yield alarm(
        "FailedNodes", "a node is not ready.", "cluster_failed_node_count", 0,
        statistic="Maximum", missing="breaching", why_missing=silence,
    )  # fmt: skip
    yield alarm("NodeCpu", "nodes use more than 80 % of their CPU.", "node_cpu_utilization", 80)
    yield alarm("NodeMemory", "nodes use more than 80 % of their memory.", "node_memory_utilization", 80)
    yield alarm(
        "NodeFilesystem",
        "a node's disk is more than 80 % full.",
        "node_filesystem_utilization",
        80,
        statistic="Maximum",
    )
    yield alarm(
        "ReservedCpu", "pods have reserved more than 80 % of the CPU: add nodes before they are needed.",
        "node_cpu_reserved_capacity", 80,
    )  # fmt: skip
    yield alarm(
        "ReservedMemory", "pods have reserved more than 80 % of the memory: add nodes before they are needed.",
        "node_memory_reserved_capacity", 80,
    )  # fmt: skip


def _application_alarms(
    config: Config, cluster: Cluster, environment: Environment, application: Application
) -> Iterator[Alarm]:
    workload = {
        "ClusterName": cluster.name,
        "Namespace": environment.namespace,
        "PodName": application.name,
    }
    what = f"{application.name} in {environment.name}"
    yield Alarm(
        names.logical("Restarts", application.name, environment.name),
        f"{what}: its containers restart.",
        "pod_number_of_container_restarts",
        workload,
        3,
        statistic="Sum",
        periods=1,
    )
    yield Alarm(
        names.logical("Unhealthy", application.name, environment.name),
        f"{what}: fewer pods are available than wanted.",
        "status_replicas_unavailable",
        workload,
        0,
        statistic="Maximum",
    )
    yield Alarm(
        names.logical("Errors", application.name, environment.name),
        f"{what}: more than 10 errors in its log within 5 minutes.",
        f"{application.name}-errors",
        {"Namespace": environment.namespace},
        10,
        statistic="Sum",
        namespace=config.name,
        periods=1,
        why_missing="No error, no data.",
    )


def alarm_resource(config: Config, alarm: Alarm) -> Block:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": f"{config.name}-{alarm.id}",
            "AlarmDescription": alarm.description,
            "Namespace": alarm.namespace,
            "MetricName": alarm.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in alarm.dimensions.items()],
            "Statistic": catalogues.allowed("cloudwatch", "statistic", alarm.statistic),
            "ComparisonOperator": catalogues.allowed("cloudwatch", "comparison", alarm.comparison),
            "Threshold": alarm.threshold,
            "Period": alarm.minutes * 60,
            "EvaluationPeriods": alarm.periods,
            Comment(alarm.why_missing): None,
            "TreatMissingData": catalogues.allowed("cloudwatch", "treatMissingData", alarm.missing),
            "AlarmActions": [Tagged("!Ref", "AlarmTopic")],
            "OKActions": [Tagged("!Ref", "AlarmTopic")],
        },
    }


def failed_pipeline(config: Config) -> Block:
    pipelines = [names.source_pipeline(config), names.manifest_pipeline(config)]
    failed = Alarm(
        "FailedPipeline",
        f"{config.name}: a pipeline failed.",
        "TriggeredRules",
        {"RuleName": f"{config.name}-failed-pipeline"},
        0,
        statistic="Sum",
        namespace="AWS/Events",
        periods=1,
        why_missing="No failure, no event.",
    )
    message = '"<pipeline> failed in <region>, execution <execution>. See: gitops pipeline status"'
    return {
        "PipelineFailed": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "Name": f"{config.name}-failed-pipeline",
                "Description": "A pipeline failed.",
                "State": "ENABLED",
                "EventPattern": {
                    "source": ["aws.codepipeline"],
                    "detail-type": ["CodePipeline Pipeline Execution State Change"],
                    "detail": {"state": ["FAILED"], "pipeline": pipelines},
                },
                "Targets": [
                    {
                        "Id": "Topic",
                        "Arn": Tagged("!Ref", "AlarmTopic"),
                        "InputTransformer": {
                            "InputPathsMap": {
                                "pipeline": "$.detail.pipeline",
                                "execution": "$.detail.execution-id",
                                "region": "$.region",
                            },
                            "InputTemplate": message,
                        },
                    }
                ],
            },
        },
        failed.id: alarm_resource(config, failed),
    }
