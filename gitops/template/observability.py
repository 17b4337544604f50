"""`observability.yaml`: log groups before anyone writes to them, what is counted in them, and who hears of alarms."""

import json
from typing import Any

from gitops.config import Cluster, Config
from gitops.errors import GitopsError
from gitops.template import catalogues, names
from gitops.template.alarms import alarm_resource, alarms, failed_pipeline
from gitops.template.dashboard import dashboards, query_definitions
from gitops.template.names import Place
from gitops.template.yaml_text import Block, Comment, Tagged

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


def observability(config: Config, place: Place) -> Block:
    """The template of `place`'s observability stack. Raises `GitopsError` for a retention that CloudWatch has not."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{config.name}: logs, what is counted in them, alarms and a dashboard.",
        "Resources": {
            **_topic(config),
            **_log_groups(config, place),
            **_add_ons(config, place),
            **_metric_filters(config, place),
            **{alarm.id: alarm_resource(config, alarm) for alarm in alarms(config, place)},
            **(failed_pipeline(config) if place.home else {}),
            **query_definitions(config, place),
            **dashboards(config, place),
        },
        "Outputs": {
            "AlarmTopic": {
                "Description": "Alarms and failed pipelines are told here.",
                "Value": Tagged("!Ref", "AlarmTopic"),
            }
        },
    }


# Who hears of it


def _topic(config: Config) -> Block:
    subscriptions: Block = {
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


def _log_groups(config: Config, place: Place) -> Block:
    resources: Block = {}
    for cluster in place.clusters:
        for kind, what in CLUSTER_LOGS.items():
            group = _log_group(config, names.cluster_log_group(cluster, kind), f"{cluster.name}: {what}")
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


def _log_group(config: Config, name: str, comment: str) -> Block:
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


def _short_retention(config: Config) -> Block:
    if config.pipeline.retention_days >= 365:
        return {}
    why = f"pipeline.retentionDays of {config.file_name} says how long; a year of every log costs more than it tells."
    return {"Metadata": {"checkov": {"skip": [{"id": "CKV_AWS_338", "comment": why}]}}}


def _add_ons(config: Config, place: Place) -> Block:
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


def _metric_filters(config: Config, place: Place) -> Block:
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
        for application in (config.workloads if names.environments_on(config, cluster) else ())
        for kind in SEVERITIES
    }


def _metric_filter(config: Config, cluster: Cluster, application: str, kind: str) -> Block:
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
