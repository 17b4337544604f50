"""Checks of a repository's CloudFormation templates: alarms, what is counted in logs, dashboards, who may do what."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from gitops.validate.commands import NODE_POLICIES
from gitops.validate.finding import Finding
from gitops.validate.log_patterns import Problem, pattern_problems, query_problems
from gitops.validate.scope import Overlay
from gitops.validate.sources import Document, Path, Sources

MAX_DIMENSIONS = 3
"""Of a metric filter's metric."""
_INSIGHTS = "/aws/containerinsights/"
_OPEN = {"0.0.0.0/0", "::/0"}


@dataclass(frozen=True)
class Resource:
    """One resource of a template, its short tags read as plain values: `!Ref A` as {"Ref": "A"}."""

    document: Document
    template: Mapping[str, Any]
    id: str
    type: str
    properties: Mapping[str, Any]

    def finding(self, code: str, path: Path, what: str, below: int = 0) -> Finding:
        """At the property `path`, or `below` lines under where it begins."""
        line = self.document.line(("Resources", self.id, "Properties", *path))
        return Finding(self.document.file, line + below, code, f"{self.id}: {what}")


def resources_of(sources: Sources) -> list[Resource]:
    """Every resource of every CloudFormation template among `sources`."""
    return [
        resource
        for file, content in sources.files.items()
        if file.endswith((".yaml", ".yml", ".json", ".template")) and b"Resources" in content and b"AWS::" in content
        for resource in _resources(file, content)
    ]


def _resources(file: str, content: bytes) -> Iterator[Resource]:
    try:
        node = yaml.compose(content.decode("utf-8-sig"), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return
    if node is None:
        return
    body = _value(node, {})
    if not isinstance(body, dict) or not isinstance(body.get("Resources"), dict):
        return
    for name, entry in body["Resources"].items():
        if isinstance(entry, dict) and str(entry.get("Type", "")).startswith("AWS::"):
            properties = entry.get("Properties")
            fields = properties if isinstance(properties, dict) else {}
            yield Resource(Document(file, node), body, str(name), entry["Type"], fields)


def _value(node: yaml.Node, known: dict[int, Any]) -> Any:
    """The value of `node`; what a short tag stands before is under its long name. A node has one, however often it is
    referred to: `known` has those that were read, and nothing for one that refers to itself."""
    if id(node) not in known:
        known[id(node)] = None
        known[id(node)] = _tagged(node, _untagged(node, known))
    return known[id(node)]


def _untagged(node: yaml.Node, known: dict[int, Any]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _value(item, known) for key, item in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, known) for item in node.value]
    plain = node.tag in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")
    return yaml.constructor.SafeConstructor().construct_object(node) if plain else node.value


def _tagged(node: yaml.Node, value: Any) -> Any:
    if not node.tag.startswith("!"):
        return value
    name = node.tag[1:]
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


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
    named = {str(d.get("Name")) for d in _mappings(alarm.properties.get("Dimensions"))}
    if metric.startswith("pod_") and metric.endswith("_reserved_capacity") and "PodName" not in named:
        better = metric.replace("pod_", "node_", 1)
        yield alarm.finding("C017", ("MetricName",), f"{metric} is what pods ask for; {better} says how full nodes are")


def _metric_filter(resource: Resource) -> Iterator[Finding]:
    pattern = resource.properties.get("FilterPattern")
    if isinstance(pattern, str):
        shared = _log_group(resource).startswith(_INSIGHTS)
        yield from _in_text(resource, ("FilterPattern",), pattern_problems(pattern, shared))
    for number, metric in enumerate(_mappings(resource.properties.get("MetricTransformations"))):
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


# Who may do what


def _role(resource: Resource) -> Iterator[Finding]:
    nodes = "ec2.amazonaws.com" in json.dumps(resource.properties.get("AssumeRolePolicyDocument"), default=str)
    for number, policy in enumerate(resource.properties.get("ManagedPolicyArns") or []):
        name = re.sub(r".*/", "", str(next(iter(policy.values())) if isinstance(policy, dict) else policy))
        path = ("ManagedPolicyArns", number)
        if name.endswith("FullAccess"):
            yield resource.finding("C014", path, f"{name} is for people")
        elif nodes and _names_workers(resource) and name not in NODE_POLICIES:
            yield resource.finding("C013", path, f"{name} is every pod's, on every node of that role")


def _names_workers(resource: Resource) -> bool:
    """It is a role of EKS nodes: EC2's, with what a node needs."""
    return any(name in json.dumps(resource.properties, default=str) for name in NODE_POLICIES)


def _user(resource: Resource) -> Iterator[Finding]:
    if resource.type == "AWS::IAM::User":
        yield resource.finding("C019", (), "an IAM user has keys that do not expire")
    elif ":user/" in json.dumps(resource.properties.get("PrincipalArn", ""), default=str):
        yield resource.finding("C019", ("PrincipalArn",), "the entry is an IAM user's")


def _repository(resource: Resource) -> Iterator[Finding]:
    scanning = resource.properties.get("ImageScanningConfiguration")
    if not (isinstance(scanning, dict) and str(scanning.get("ScanOnPush")).lower() == "true"):
        yield resource.finding("C020", (), "it has no ScanOnPush")


def _cluster(resource: Resource) -> Iterator[Finding]:
    network = resource.properties.get("ResourcesVpcConfig")
    settings = network if isinstance(network, dict) else {}
    public = str(settings.get("EndpointPublicAccess", True)).lower() == "true"
    allowed = settings.get("PublicAccessCidrs", ["0.0.0.0/0"])
    if public and isinstance(allowed, list) and any(cidr in _OPEN for cidr in map(str, allowed)):
        path = ("ResourcesVpcConfig", *(("PublicAccessCidrs",) if "PublicAccessCidrs" in settings else ()))
        yield resource.finding("C021", path, "the whole world reaches the cluster's API server")


# What overlays need of templates


def _roles_of_pods(resources: Sequence[Resource], overlay: Overlay) -> Iterator[Finding]:
    """A ServiceAccount whose pods call AWS has a role: by Pod Identity, or by its annotation."""
    entitled = [r.properties for r in resources if r.type == "AWS::EKS::PodIdentityAssociation"]
    added = [a for r in resources for a in _mappings(r.properties.get("PodIdentityAssociations"))]
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
    images = " ".join(str(container.get("image")) for container in _mappings(spec.get("containers")))
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


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


_CHECKS = {
    "AWS::CloudWatch::Alarm": (_alarm,),
    "AWS::CloudWatch::Dashboard": (_dashboard,),
    "AWS::Logs::MetricFilter": (_metric_filter,),
    "AWS::Logs::QueryDefinition": (_query,),
    "AWS::Logs::LogGroup": (_retention,),
    "AWS::IAM::Role": (_role,),
    "AWS::IAM::User": (_user,),
    "AWS::EKS::AccessEntry": (_user,),
    "AWS::EKS::Cluster": (_cluster,),
    "AWS::ECR::Repository": (_repository,),
}
