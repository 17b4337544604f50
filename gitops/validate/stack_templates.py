"""Checks of a repository's CloudFormation templates: alarms, logs, dashboards, and what its overlays need of them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gitops.validate.finding import Finding
from gitops.validate.log_patterns import Problem, pattern_problems, query_problems
from gitops.validate.scope import Overlay
from gitops.validate.sources import Path
from gitops.validate.stack_access import ACCESS_CHECKS
from gitops.validate.stack_pipelines import PIPELINE_CHECKS
from gitops.validate.stack_resources import Resource, mappings

MAX_DIMENSIONS = 3
"""Of a metric filter's metric."""
_INSIGHTS = "/aws/containerinsights/"


def check_templates(resources: Sequence[Resource], overlays: Sequence[Overlay]) -> Iterator[Finding]:
    """Findings in the templates of a repository, and in what its overlays need of them."""
    for resource in resources:
        for check in _CHECKS.get(resource.type, ()):
            yield from check(resource)
    yield from _watched(resources)
    if not resources:
        return
    for overlay in overlays:
        yield from _roles_of_pods(resources, overlay)
        yield from _enforced(resources, overlay)
        yield from _scaled_twice(resources, overlay)


# CloudWatch


def _alarm(alarm: Resource) -> Iterator[Finding]:
    if not alarm.properties.get("AlarmActions"):
        yield alarm.finding("C001", (), "it has no AlarmActions")
    if "TreatMissingData" not in alarm.properties:
        yield alarm.finding("C002", (), "it has no TreatMissingData")
    metric = str(alarm.properties.get("MetricName", ""))
    named = {str(d.get("Name")) for d in mappings(alarm.properties.get("Dimensions"))}
    if metric.startswith("pod_") and metric.endswith("_reserved_capacity") and "PodName" not in named:
        better = metric.replace("pod_", "node_", 1)
        yield alarm.finding("C017", ("MetricName",), f"{metric} is what pods ask for; {better} says how full nodes are")


def _metric_filter(resource: Resource) -> Iterator[Finding]:
    pattern = resource.properties.get("FilterPattern")
    if isinstance(pattern, str):
        shared = _log_group(resource).startswith(_INSIGHTS)
        yield from _in_text(resource, ("FilterPattern",), pattern_problems(pattern, shared))
    for number, metric in enumerate(mappings(resource.properties.get("MetricTransformations"))):
        dimensions = metric.get("Dimensions") or []
        path: Path = ("MetricTransformations", number)
        if len(dimensions) > MAX_DIMENSIONS:
            what = f"{len(dimensions)} dimensions; CloudWatch takes {MAX_DIMENSIONS}"
            yield resource.finding("C008", (*path, "Dimensions"), what)
        if dimensions and "DefaultValue" in metric:
            yield resource.finding("C008", (*path, "DefaultValue"), "CloudWatch takes none beside Dimensions")
        if not dimensions and "DefaultValue" not in metric:
            yield resource.finding("C009", path, f"{metric.get('MetricName')} has no DefaultValue")


def _log_group(resource: Resource) -> str:
    """The name of the log group that a metric filter reads; a reference is followed within the template."""
    group = resource.properties.get("LogGroupName")
    if isinstance(group, dict) and "Ref" in group:
        made = resource.template["Resources"].get(str(group["Ref"]))
        properties = made.get("Properties") if isinstance(made, dict) else None
        group = properties.get("LogGroupName") if isinstance(properties, dict) else ""
    return str(group.get("Fn::Sub", "") if isinstance(group, dict) else group)


def _query(resource: Resource) -> Iterator[Finding]:
    query = resource.properties.get("QueryString")
    if isinstance(query, str):
        yield from _in_text(resource, ("QueryString",), query_problems(query))


def _in_text(resource: Resource, path: Path, problems: Iterator[Problem]) -> Iterator[Finding]:
    """Problems in a property's text, which stands below its key where it is a block, or else on its line."""
    for code, line, what in problems:
        yield resource.finding(code, path, what, line + _is_block(resource, path))


def _is_block(resource: Resource, path: Path) -> int:
    node: Any = resource.document.node
    for step in ("Resources", resource.id, "Properties", *path):
        node = next((value for key, value in node.value if key.value == step), node)
    return int(getattr(node, "style", None) in ("|", ">"))


def _dashboard(resource: Resource) -> Iterator[Finding]:
    body = resource.properties.get("DashboardBody")
    text = body.get("Fn::Sub") if isinstance(body, dict) else body
    if not isinstance(text, str):
        return
    try:
        shown = json.loads(text)
    except ValueError as error:
        yield resource.finding("C005", ("DashboardBody",), f"it is not JSON: {error}")
        return
    if not (isinstance(shown, dict) and shown.get("widgets")):
        yield resource.finding("C005", ("DashboardBody",), "it has no widgets")


def _retention(resource: Resource) -> Iterator[Finding]:
    if "RetentionInDays" not in resource.properties:
        yield resource.finding("C016", (), "it has no RetentionInDays")


def _watched(resources: Sequence[Resource]) -> Iterator[Finding]:
    """Logs of a cluster are kept: who looks at it?"""
    kept = [r for r in resources if r.type == "AWS::Logs::LogGroup" and _log_name(r).startswith(_INSIGHTS)]
    types = {resource.type for resource in resources}
    if kept and "AWS::CloudWatch::Alarm" not in types:
        yield kept[0].finding("C003", (), "no template has an AWS::CloudWatch::Alarm")
    if kept and "AWS::CloudWatch::Dashboard" not in types:
        yield kept[0].finding("C004", (), "no template has an AWS::CloudWatch::Dashboard")


def _log_name(resource: Resource) -> str:
    name = resource.properties.get("LogGroupName", "")
    return str(name.get("Fn::Sub", "") if isinstance(name, dict) else name)


# What overlays need of templates


def _roles_of_pods(resources: Sequence[Resource], overlay: Overlay) -> Iterator[Finding]:
    """A ServiceAccount whose pods call AWS has a role: by Pod Identity, or by its annotation."""
    entitled = [r.properties for r in resources if r.type == "AWS::EKS::PodIdentityAssociation"]
    added = [a for r in resources for a in mappings(r.properties.get("PodIdentityAssociations"))]
    if not any(resource.type.startswith("AWS::EKS::") for resource in resources):
        return
    accounts = {(o.namespace, o.name): o for o in overlay.everything if o.kind == "ServiceAccount"}
    for pod in overlay.pods():
        name = str(pod.spec.get("serviceAccountName", "default"))
        account = accounts.get((pod.owner.namespace, name))
        annotations = (account.body["metadata"].get("annotations") or {}) if account else {}
        if not _calls_aws(pod.spec) or "eks.amazonaws.com/role-arn" in annotations:
            continue
        if not any(_is_for(entry, overlay.cluster, pod.owner.namespace, name) for entry in [*entitled, *added]):
            yield overlay.finding("C015", pod.owner, pod.path, f"no role for {pod.owner.namespace}/{name}")


def _calls_aws(spec: Mapping[str, Any]) -> bool:
    images = " ".join(str(container.get("image")) for container in mappings(spec.get("containers")))
    return bool(re.search(r"/(aws-for-fluent-bit|cloudwatch-agent|cluster-autoscaler)[:@]", images))


def _is_for(entry: Mapping[str, Any], cluster: str, namespace: str, account: str) -> bool:
    """What is no plain text, such as a parameter, may be it."""
    wanted = {"ClusterName": cluster, "Namespace": namespace, "ServiceAccount": account}
    return all(entry.get(key, value) == value or isinstance(entry.get(key), dict) for key, value in wanted.items())


def _enforced(resources: Sequence[Resource], overlay: Overlay) -> Iterator[Finding]:
    """Where the templates install the VPC CNI, it enforces the overlays' NetworkPolicies."""
    policies = [obj for obj in overlay.objects if obj.kind == "NetworkPolicy"]
    for addon in resources:
        installs = addon.type == "AWS::EKS::Addon" and addon.properties.get("AddonName") == "vpc-cni"
        settings = json.dumps(addon.properties.get("ConfigurationValues", ""), default=str)
        if policies and installs and not re.search(r"enableNetworkPolicy\W+true", settings):
            yield addon.finding("C022", (), f"{len(policies)} NetworkPolicies of {overlay.folder} do nothing")


def _scaled_twice(resources: Sequence[Resource], overlay: Overlay) -> Iterator[Finding]:
    scales = any("cluster-autoscaler" in str(pod.spec.get("containers")) for pod in overlay.pods())
    for resource in resources if scales else ():
        if resource.type == "AWS::AutoScaling::ScalingPolicy":
            yield resource.finding("C018", (), "the Cluster Autoscaler sets the same group's desired capacity")


_CHECKS = {
    "AWS::CloudWatch::Alarm": (_alarm,),
    "AWS::CloudWatch::Dashboard": (_dashboard,),
    "AWS::Logs::MetricFilter": (_metric_filter,),
    "AWS::Logs::QueryDefinition": (_query,),
    "AWS::Logs::LogGroup": (_retention,),
    **ACCESS_CHECKS,
    **PIPELINE_CHECKS,
}
