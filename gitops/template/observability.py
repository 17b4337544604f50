"""`observability.yaml`: log groups before anyone writes to them, what is counted in them, alarms, queries, a dashboard.

Metrics are those of Container Insights with enhanced observability (namespace ContainerInsights). `PodName` is the
workload's name there, not the pod's.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops.config import Application, Cluster, Config, Environment
from gitops.errors import GitopsError
from gitops.template import catalogues, names
from gitops.template.names import Place
from gitops.template.yaml_text import Comment, Tagged

Resources = dict[Any, Any]

CLUSTER_LOGS = {
    "application": "What containers write.",
    "dataplane": "kubelet, containerd, the CNI.",
    "host": "The nodes' journal.",
    "performance": "Container Insights' own records.",
}
SEVERITIES = {
    "errors": (("ERROR", "error", "FATAL"), "*ERROR*"),
    "warnings": (("WARN", "WARNING", "warn"), "*WARN*"),
}
"""Kind -> the levels of a JSON log line, and the pattern for a line of text. No regular expressions: CloudWatch takes
five on a log group."""

METRIC_FILTERS = 100
"""CloudWatch's quota of metric filters on one log group."""


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


def observability(config: Config, place: Place) -> Resources:
    """The template of `place`'s observability stack. Raises `GitopsError` for a retention that CloudWatch has not."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{config.name}: logs, what is counted in them, alarms and a dashboard.",
        "Resources": {
            **_topic(config),
            **_log_groups(config, place),
            **_add_ons(config, place),
            **_metric_filters(config, place),
            **{alarm.id: _alarm(config, alarm) for alarm in alarms(config, place)},
            **(_failed_pipeline(config) if place.home else {}),
            **_queries(config, place),
            **_dashboards(config, place),
        },
        "Outputs": {
            "AlarmTopic": {
                "Description": "Alarms and failed pipelines are told here.",
                "Value": Tagged("!Ref", "AlarmTopic"),
            }
        },
    }


def environments_on(config: Config, cluster: Cluster) -> Sequence[Environment]:
    """The environments that run on `cluster`."""
    return [environment for environment in config.environments if environment.cluster == cluster.name]


# Who hears of it


def _topic(config: Config) -> Resources:
    subscriptions = {
        names.logical("Notify", str(number)): {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"Protocol": "email", "Endpoint": address, "TopicArn": Tagged("!Ref", "AlarmTopic")},
        }
        for number, address in enumerate(config.pipeline.notify, 1)
    }
    alarms_publish = {
        "Sid": "Alarms",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": Tagged("!Ref", "AlarmTopic"),
        "Condition": {"StringEquals": {"aws:SourceAccount": names.sub(names.ACCOUNT)}},
    }
    rules_publish = {
        Comment("EventBridge documents no condition for it."): None,
        "Sid": "Rules",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": Tagged("!Ref", "AlarmTopic"),
    }
    return {
        "AlarmTopic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"TopicName": names.topic(config), "KmsMasterKeyId": names.key_arn(config)},
        },
        "AlarmTopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [Tagged("!Ref", "AlarmTopic")],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [alarms_publish, rules_publish]},
            },
        },
        **subscriptions,
    }


# Logs


def cluster_log_group(cluster: Cluster, kind: str) -> str:
    """Log group that Container Insights writes `kind` of `cluster` to."""
    return f"/aws/containerinsights/{cluster.name}/{kind}"


def _log_groups(config: Config, place: Place) -> Resources:
    resources: Resources = {}
    for cluster in place.clusters:
        for kind, what in CLUSTER_LOGS.items():
            group = _log_group(config, cluster_log_group(cluster, kind), f"{cluster.name}: {what}")
            resources[names.logical(kind, "Logs", cluster.name)] = group
        resources[names.logical("ControlPlaneLogs", cluster.name)] = _log_group(
            config, f"/aws/eks/{cluster.name}/cluster", f"{cluster.name}: the control plane, audit log included."
        )
    if place.home:
        for duty in names.projects(config):
            resources[names.logical(duty, "Logs")] = _log_group(
                config, names.build_log_group(config, duty), f"Builds of {names.project(config, duty)}."
            )
        if names.uses_codecommit(config.source) and names.filters_paths(config):
            name = names.role(config, names.PATH_FILTER)
            resources["PathFilterLogs"] = _log_group(config, f"/aws/lambda/{name}", "Which push started what.")
    return resources


def _log_group(config: Config, name: str, comment: str) -> Resources:
    return {
        Comment(comment): None,
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        **_short_retention(config),
        "Properties": {
            "LogGroupName": name,
            "RetentionInDays": catalogues.allowed("logs", "retentionDays", config.pipeline.retention_days),
            "KmsKeyId": names.key_arn(config),
        },
    }


def _short_retention(config: Config) -> Resources:
    if config.pipeline.retention_days >= 365:
        return {}
    why = f"pipeline.retentionDays of {config.file} says how long; a year of every log costs more than it tells."
    return {"Metadata": {"checkov": {"skip": [{"id": "CKV_AWS_338", "comment": why}]}}}


def _add_ons(config: Config, place: Place) -> Resources:
    """The CloudWatch agent as an EKS add-on, on clusters that get it from no `monitoring` overlay."""
    if "monitoring" in config.platform.overlays:
        return {}
    settings: dict[str, Any] = {"containerLogs": {"enabled": "logging" not in config.platform.overlays}}
    return {
        names.logical("Monitoring", cluster.name): {
            "Type": "AWS::EKS::Addon",
            "Properties": {
                "ClusterName": cluster.name,
                "AddonName": "amazon-cloudwatch-observability",
                Comment("Container logs come from this add-on, or from the logging overlay; never from both."): None,
                "ConfigurationValues": json.dumps(settings),
                "PodIdentityAssociations": [
                    {
                        "ServiceAccount": names.AGENT,
                        "RoleArn": names.sub(names.role_arn(config, f"{names.AGENT}-{cluster.name}")),
                    }
                ],
                "ResolveConflicts": "OVERWRITE",
            },
        }
        for cluster in place.clusters
        if cluster in names.platform_clusters(config)
    }


def _metric_filters(config: Config, place: Place) -> Resources:
    """Errors and warnings of each application."""
    if len(config.workloads) * len(SEVERITIES) > METRIC_FILTERS:
        raise GitopsError(
            config.file,
            f"{len(config.workloads)} applications make more than the {METRIC_FILTERS} metric filters of a log group",
            f"at most {METRIC_FILTERS // len(SEVERITIES)} applications, or two systems",
        )
    return {
        names.logical(application.name, kind, cluster.name): _metric_filter(config, cluster, application.name, kind)
        for cluster in place.clusters
        for application in (config.workloads if environments_on(config, cluster) else ())
        for kind in SEVERITIES
    }


def _metric_filter(config: Config, cluster: Cluster, application: str, kind: str) -> Resources:
    return {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {
            "LogGroupName": Tagged("!Ref", names.logical("application", "Logs", cluster.name)),
            "FilterPattern": filter_pattern(application, kind),
            "MetricTransformations": [
                {
                    "MetricNamespace": config.name,
                    "MetricName": f"{application}-{kind}",
                    "MetricValue": "1",
                    "Unit": "Count",
                    "Dimensions": [{"Key": "Namespace", "Value": "$.kubernetes.namespace_name"}],
                }
            ],
        },
    }


def filter_pattern(application: str, kind: str) -> str:
    """CloudWatch filter pattern for `kind` of log lines. JSON lines have their own fields under log_processed."""
    levels, text = SEVERITIES[kind]
    either = " || ".join([*(f'$.log_processed.level = "{level}"' for level in levels), f'$.log = "{text}"'])
    return f'{{ $.kubernetes.container_name = "{application}" && ({either}) }}'


# Alarms


def alarms(config: Config, place: Place) -> Iterator[Alarm]:
    """The alarms on clusters and applications, in the order of gitops.yaml."""
    for cluster in place.clusters:
        yield from _cluster_alarms(cluster)
        for environment in environments_on(config, cluster):
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


def _alarm(config: Config, alarm: Alarm) -> Resources:
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


def _failed_pipeline(config: Config) -> Resources:
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
        failed.id: _alarm(config, failed),
    }


# Questions and pictures


def queries(application: str) -> Mapping[str, str]:
    """Name -> Logs Insights query. Filters stand before `stats`, and match whatever the case."""
    return {
        "requests by five minutes": (
            "fields @timestamp\n"
            f'| filter kubernetes.container_name = "{application}"\n'
            "| filter log not like /^\\[/\n"
            "| filter log like /GET/\n"
            "| stats count(*) as ACCESS_COUNT by bin(5m)\n"
        ),
        "errors and warnings": (
            "fields @timestamp, kubernetes.namespace_name, kubernetes.pod_name, log\n"
            f'| filter kubernetes.container_name = "{application}"\n'
            "| filter log like /(?i)(warn|error|fatal)/\n"
            "| sort @timestamp desc\n"
            "| limit 200\n"
        ),
    }


ERRORS_BY_APPLICATION = (
    "filter log like /(?i)(warn|error)/\n| stats count(*) as ERROR_COUNT by kubernetes.container_name\n"
)


def _queries(config: Config, place: Place) -> Resources:
    resources: Resources = {}
    for cluster in place.clusters:
        group = [Tagged("!Ref", names.logical("application", "Logs", cluster.name))]
        texts = {"errors by application": ERRORS_BY_APPLICATION}
        for application in config.workloads if environments_on(config, cluster) else ():
            texts |= {f"{application.name} {name}": query for name, query in queries(application.name).items()}
        for name, query in texts.items():
            resources[names.logical("Query", name, cluster.name)] = {
                "Type": "AWS::Logs::QueryDefinition",
                "Properties": {
                    "Name": f"{config.name}/{cluster.name}/{name}",
                    "LogGroupNames": group,
                    "QueryString": query,
                },
            }
    return resources


def _dashboards(config: Config, place: Place) -> Resources:
    return {
        names.logical("Dashboard", cluster.name): {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {
                "DashboardName": f"{config.name}-{cluster.name}",
                "DashboardBody": names.sub(json.dumps({"widgets": _widgets(config, cluster)}, indent=1) + "\n"),
            },
        }
        for cluster in place.clusters
    }


def _widgets(config: Config, cluster: Cluster) -> list[Resources]:
    """What a person on call looks at, from top to bottom: alarms, nodes, then each environment's applications."""
    of_cluster = ["ClusterName", cluster.name]
    place = next(place for place in names.places(config) if cluster in place.clusters)
    listed = [
        f"arn:{names.PARTITION}:cloudwatch:{names.REGION}:{names.ACCOUNT}:alarm:{config.name}-{alarm.id}"
        for alarm in alarms(config, place)
        if alarm.dimensions.get("ClusterName", cluster.name) == cluster.name
    ]
    nodes = [_insight("cluster_node_count", of_cluster), _insight("cluster_failed_node_count", of_cluster)]
    rows: list[list[Resources]] = [
        [_text(f"# {config.name} on {cluster.name}\nWhat runs there, and since when: `gitops status`")],
        [{"type": "alarm", "height": 4, "properties": {"title": "Alarms", "alarms": listed[:100]}}],
        [
            _graph("Nodes", nodes),
            _graph("CPU used and reserved, %", [
                _insight("node_cpu_utilization", of_cluster), _insight("node_cpu_reserved_capacity", of_cluster)
            ], most=100),
            _graph("Memory used and reserved, %", [
                _insight("node_memory_utilization", of_cluster), _insight("node_memory_reserved_capacity", of_cluster)
            ], most=100),
            _graph("Disk used, %", [_insight("node_filesystem_utilization", of_cluster)], most=100),
        ],
    ]  # fmt: skip
    for environment in environments_on(config, cluster):
        rows.append([_text(f"## {environment.name}\nnamespace `{environment.namespace}`")])
        rows.append(_environment_row(config, cluster, environment))
    rows.append([_log_table(cluster)])
    return _laid_out(rows)


def _environment_row(config: Config, cluster: Cluster, environment: Environment) -> list[Resources]:
    def of(application: Application) -> list[str]:
        return ["PodName", application.name, "Namespace", environment.namespace, "ClusterName", cluster.name]

    workloads = config.workloads[:20]
    return [
        _graph("CPU of the limit, %", [_insight("pod_cpu_utilization_over_pod_limit", of(a)) for a in workloads]),
        _graph("Memory of the limit, %", [_insight("pod_memory_utilization_over_pod_limit", of(a)) for a in workloads]),
        _graph(
            "Restarts, and pods unavailable",
            [
                line
                for a in workloads
                for line in (
                    [*_insight("pod_number_of_container_restarts", of(a)), {"stat": "Sum"}],
                    [*_insight("status_replicas_unavailable", of(a)), {"stat": "Maximum"}],
                )
            ],
        ),
        _graph(
            "Errors and warnings in logs",
            [
                [config.name, f"{a.name}-{kind}", "Namespace", environment.namespace, {"stat": "Sum"}]
                for a in workloads
                for kind in SEVERITIES
            ],
        ),
    ]


def _insight(metric: str, dimensions: Sequence[str]) -> list[Any]:
    return ["ContainerInsights", metric, *dimensions]


def _text(markdown: str) -> Resources:
    return {"type": "text", "height": 2, "properties": {"markdown": markdown}}


def _graph(title: str, metrics: list[list[Any]], most: float | None = None) -> Resources:
    axis = {"left": {"min": 0, **({"max": most} if most else {})}}
    properties = {"title": title, "region": names.REGION, "view": "timeSeries", "period": 300, "yAxis": axis}
    return {"type": "metric", "height": 6, "properties": {**properties, "metrics": metrics}}


def _log_table(cluster: Cluster) -> Resources:
    source = f"SOURCE '{cluster_log_group(cluster, 'application')}'"
    return {
        "type": "log",
        "height": 6,
        "properties": {
            "title": "Errors and warnings by application",
            "region": names.REGION,
            "view": "table",
            "query": f"{source} | {ERRORS_BY_APPLICATION.strip()}",
        },
    }


def _laid_out(rows: Sequence[Sequence[Resources]]) -> list[Resources]:
    """The widgets with their places: rows from top to bottom, the 24 columns shared evenly."""
    placed, y = [], 0
    for row in rows:
        width = 24 // len(row)
        placed += [{**widget, "x": index * width, "y": y, "width": width} for index, widget in enumerate(row)]
        y += max(widget["height"] for widget in row)
    return placed
