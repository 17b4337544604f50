"""Logs Insights queries, and a dashboard for each cluster that a person would want to look at."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gitops.config import Application, Cluster, Config, Environment
from gitops.template import names
from gitops.template.alarms import alarms
from gitops.template.names import Place
from gitops.template.yaml_text import Block, Tagged


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


def query_definitions(config: Config, place: Place) -> Block:
    resources: Block = {}
    for cluster in place.clusters:
        group = [Tagged("!Ref", names.logical("application", "Logs", cluster.name))]
        texts = {"errors by application": ERRORS_BY_APPLICATION}
        for application in config.workloads if names.environments_on(config, cluster) else ():
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


def dashboards(config: Config, place: Place) -> Block:
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


def _widgets(config: Config, cluster: Cluster) -> list[Block]:
    """What a person on call looks at, from top to bottom: alarms, nodes, then each environment's applications."""
    of_cluster = ["ClusterName", cluster.name]
    place = next(place for place in names.places(config) if cluster in place.clusters)
    listed = [
        f"arn:{names.PARTITION}:cloudwatch:{names.REGION}:{names.ACCOUNT}:alarm:{config.name}-{alarm.id}"
        for alarm in alarms(config, place)
        if alarm.dimensions.get("ClusterName", cluster.name) == cluster.name
    ]
    nodes = [_insight("cluster_node_count", of_cluster), _insight("cluster_failed_node_count", of_cluster)]
    rows: list[list[Block]] = [
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
    for environment in names.environments_on(config, cluster):
        rows.append([_text(f"## {environment.name}\nnamespace `{environment.namespace}`")])
        rows.append(_environment_row(config, cluster, environment))
    rows.append([_log_table(cluster)])
    return _laid_out(rows)


def _environment_row(config: Config, cluster: Cluster, environment: Environment) -> list[Block]:
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
                for kind in ("errors", "warnings")
            ],
        ),
    ]


def _insight(metric: str, dimensions: Sequence[str]) -> list[Any]:
    return ["ContainerInsights", metric, *dimensions]


def _text(markdown: str) -> Block:
    return {"type": "text", "height": 2, "properties": {"markdown": markdown}}


def _graph(title: str, metrics: list[list[Any]], most: float | None = None) -> Block:
    axis = {"left": {"min": 0, **({"max": most} if most else {})}}
    properties = {"title": title, "region": names.REGION, "view": "timeSeries", "period": 300, "yAxis": axis}
    return {"type": "metric", "height": 6, "properties": {**properties, "metrics": metrics}}


def _log_table(cluster: Cluster) -> Block:
    source = f"SOURCE '{names.cluster_log_group(cluster, 'application')}'"
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


def _laid_out(rows: Sequence[Sequence[Block]]) -> list[Block]:
    """The widgets with their places: rows from top to bottom, the 24 columns shared evenly."""
    placed, y = [], 0
    for row in rows:
        width = 24 // len(row)
        placed += [{**widget, "x": index * width, "y": y, "width": width} for index, widget in enumerate(row)]
        y += max(widget["height"] for widget in row)
    return placed
