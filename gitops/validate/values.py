"""Values that the API server refuses although they are of the right type: words, ports, labels, schedules, networks.

No schema of Kubernetes says these; they are in its validation: https://kubernetes.io/docs/reference/kubernetes-api/
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_network
from typing import Any

_PULL, _PROTOCOLS = ("Always", "IfNotPresent", "Never"), ("TCP", "UDP", "SCTP")
_SELECTS = ("In", "NotIn", "Exists", "DoesNotExist")
_CONFINED = ("RuntimeDefault", "Unconfined", "Localhost")
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
WORDS: Mapping[str, tuple[str, ...]] = {
    "io.k8s.api.core.v1.Container.imagePullPolicy": _PULL,
    "io.k8s.api.core.v1.Container.terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
    "io.k8s.api.core.v1.ContainerPort.protocol": _PROTOCOLS,
    "io.k8s.api.core.v1.ServicePort.protocol": _PROTOCOLS,
    "io.k8s.api.core.v1.ServiceSpec.type": ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
    "io.k8s.api.core.v1.ServiceSpec.sessionAffinity": ("None", "ClientIP"),
    "io.k8s.api.core.v1.ServiceSpec.externalTrafficPolicy": ("Cluster", "Local"),
    "io.k8s.api.core.v1.ServiceSpec.internalTrafficPolicy": ("Cluster", "Local"),
    "io.k8s.api.core.v1.ServiceSpec.ipFamilyPolicy": ("SingleStack", "PreferDualStack", "RequireDualStack"),
    "io.k8s.api.core.v1.PodSpec.restartPolicy": ("Always", "OnFailure", "Never"),
    "io.k8s.api.core.v1.PodSpec.dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "io.k8s.api.core.v1.Toleration.effect": ("NoSchedule", "PreferNoSchedule", "NoExecute"),
    "io.k8s.api.core.v1.Toleration.operator": ("Exists", "Equal", "Lt", "Gt"),
    "io.k8s.api.core.v1.TopologySpreadConstraint.whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway"),
    "io.k8s.api.core.v1.NodeSelectorRequirement.operator": (*_SELECTS, "Gt", "Lt"),
    f"{_META}.LabelSelectorRequirement.operator": _SELECTS,
    "io.k8s.api.core.v1.SeccompProfile.type": _CONFINED,
    "io.k8s.api.core.v1.AppArmorProfile.type": _CONFINED,
    "io.k8s.api.core.v1.HTTPGetAction.scheme": ("HTTP", "HTTPS"),
    "io.k8s.api.core.v1.HostPathVolumeSource.type": (
        "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice",
    ),
    "io.k8s.api.core.v1.PersistentVolumeClaimSpec.accessModes": (
        "ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod",
    ),
    "io.k8s.api.core.v1.PersistentVolumeClaimSpec.volumeMode": ("Filesystem", "Block"),
    "io.k8s.api.apps.v1.DeploymentStrategy.type": ("Recreate", "RollingUpdate"),
    "io.k8s.api.apps.v1.DaemonSetUpdateStrategy.type": ("RollingUpdate", "OnDelete"),
    "io.k8s.api.apps.v1.StatefulSetUpdateStrategy.type": ("RollingUpdate", "OnDelete"),
    "io.k8s.api.apps.v1.StatefulSetSpec.podManagementPolicy": ("OrderedReady", "Parallel"),
    "io.k8s.api.batch.v1.CronJobSpec.concurrencyPolicy": ("Allow", "Forbid", "Replace"),
    "io.k8s.api.batch.v1.JobSpec.completionMode": ("NonIndexed", "Indexed"),
    "io.k8s.api.policy.v1.PodDisruptionBudgetSpec.unhealthyPodEvictionPolicy": ("IfHealthyBudget", "AlwaysAllow"),
    "io.k8s.api.autoscaling.v2.HPAScalingRules.selectPolicy": ("Max", "Min", "Disabled"),
    "io.k8s.api.autoscaling.v2.HPAScalingPolicy.type": ("Pods", "Percent"),
    "io.k8s.api.autoscaling.v2.MetricTarget.type": ("Utilization", "Value", "AverageValue"),
    "io.k8s.api.autoscaling.v2.MetricSpec.type": ("Resource", "ContainerResource", "Pods", "Object", "External"),
    "io.k8s.api.networking.v1.NetworkPolicySpec.policyTypes": ("Ingress", "Egress"),
    "io.k8s.api.networking.v1.NetworkPolicyPort.protocol": _PROTOCOLS,
    "io.k8s.api.networking.v1.HTTPIngressPath.pathType": ("Exact", "Prefix", "ImplementationSpecific"),
    "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicySpec.failurePolicy": ("Fail", "Ignore"),
    "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec.validationActions": (
        "Deny", "Warn", "Audit",
    ),
    "io.k8s.api.admissionregistration.v1.ValidatingWebhook.failurePolicy": ("Fail", "Ignore"),
    "io.k8s.api.admissionregistration.v1.MutatingWebhook.failurePolicy": ("Fail", "Ignore"),
    "io.k8s.api.storage.v1.StorageClass.reclaimPolicy": ("Delete", "Retain", "Recycle"),
    "io.k8s.api.storage.v1.StorageClass.volumeBindingMode": ("Immediate", "WaitForFirstConsumer"),
    "io.k8s.api.rbac.v1.RoleRef.kind": ("ClusterRole", "Role"),
    "io.k8s.api.rbac.v1.Subject.kind": ("User", "Group", "ServiceAccount"),
}  # fmt: skip
"""Definition and field -> the words it takes, or each of its items. An empty text is the default."""

_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_CRON: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minute", 0, 59, []), ("hour", 0, 23, []), ("day of the month", 1, 31, []),
    ("month", 1, 12, _MONTHS), ("day of the week", 0, 6, _DAYS),
)  # fmt: skip
_DURATION = re.compile(r"@every ([0-9.]+(h|m|s|ms|us|µs|ns))+")


def refusal(definition: str, key: str, value: Any) -> str | None:
    """Why the API server refuses `value` at the field `key` of `definition`; None where it does not."""
    name = f"{definition}.{key}"
    if name in WORDS:
        wrong = [item for item in (value if isinstance(value, list) else [value]) if item not in ("", *WORDS[name])]
        return f"must be {' or '.join(WORDS[name])}, not {wrong[0]}" if wrong else None
    return _RULES[name](value) if name in _RULES else None


def _port(value: Any) -> str | None:
    out = isinstance(value, int) and not 1 <= value <= 65535
    return f"must be 1 to 65535, not {value}" if out else None


def _labels(labels: Any) -> str | None:
    for key, value in labels.items() if isinstance(labels, Mapping) else ():
        if not _LABEL_KEY.fullmatch(str(key)):
            return f"has '{key}', which is no label"
        if not _LABEL_VALUE.fullmatch(str(value)):
            return f"has '{value}' as {key}: a label has at most 63 letters, digits, -, _ and ."
    return None


def _cidr(value: Any) -> str | None:
    try:
        ip_network(str(value), strict=False)
    except ValueError:
        return f"must be a network such as 10.0.0.0/16, not {value}"
    return None if "/" in str(value) else f"must have the length of its mask, as {value}/32 has"


def _absolute(value: Any) -> str | None:
    return f"must begin with /, not {value}" if value and not str(value).startswith("/") else None


def _schedule(value: Any) -> str | None:
    text = str(value)
    if text.startswith(("TZ=", "CRON_TZ=")):
        return "must be without TZ; timeZone is the field for it"
    if text.startswith("@"):
        known = text[1:] in ("yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly")
        return None if known or _DURATION.fullmatch(text) else f"has no schedule {text}"
    fields = text.split()
    if len(fields) != len(_CRON):
        return f"must have 5 fields, not {len(fields)}: minute, hour, day of the month, month, day of the week"
    said = (_cron_field(field, *rule) for field, rule in zip(fields, _CRON, strict=True))
    return next((each for each in said if each), None)


def _cron_field(text: str, name: str, least: int, most: int, words: list[str]) -> str | None:
    """https://pkg.go.dev/github.com/robfig/cron/v3, which Kubernetes uses: Sunday is 0, and 7 is no day."""
    for part in text.split(","):
        span, slash, step = part.partition("/")
        ends = [] if span in ("*", "?") else span.split("-")
        numbers = [_number(end, least, words) for end in ends]
        wrong = len(ends) > 2 or (slash and not step.isdecimal()) or (slash and int(step) == 0)
        if wrong or any(n is None or not least <= n <= most for n in numbers):
            return f"has no {name} {part}: {least} to {most}"
        if len(numbers) == 2 and (numbers[0] or 0) > (numbers[1] or 0):
            return f"has the {name} {part}, which ends before it begins"
    return None


def _number(text: str, least: int, words: list[str]) -> int | None:
    if text.lower() in words:
        return words.index(text.lower()) + least
    return int(text) if text.isdecimal() else None


@cache
def _zones() -> frozenset[str]:
    """Names of time zones that this machine knows; none where it has no such data."""
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def _time_zone(value: Any) -> str | None:
    return f"has no time zone {value}" if _zones() and value not in _zones() else None


_RULES: Mapping[str, Callable[[Any], str | None]] = {
    "io.k8s.api.core.v1.ContainerPort.containerPort": _port,
    "io.k8s.api.core.v1.ContainerPort.hostPort": _port,
    "io.k8s.api.core.v1.ServicePort.port": _port,
    "io.k8s.api.core.v1.ServicePort.targetPort": _port,
    "io.k8s.api.core.v1.HTTPGetAction.port": _port,
    "io.k8s.api.core.v1.TCPSocketAction.port": _port,
    "io.k8s.api.core.v1.GRPCAction.port": _port,
    "io.k8s.api.networking.v1.NetworkPolicyPort.port": _port,
    "io.k8s.api.networking.v1.IPBlock.cidr": _cidr,
    "io.k8s.api.networking.v1.HTTPIngressPath.path": _absolute,
    "io.k8s.api.batch.v1.CronJobSpec.schedule": _schedule,
    "io.k8s.api.batch.v1.CronJobSpec.timeZone": _time_zone,
    f"{_META}.ObjectMeta.labels": _labels,
    f"{_META}.LabelSelector.matchLabels": _labels,
}
