"""What runs in a namespace already, and what a level of Pod Security would refuse of it. Pure.

Raising `enforce` stops nothing that runs; it refuses the next pod, and says so to nobody. So it is asked before.
"""

from collections.abc import Iterable

from gitops.objects import KubeObject, ObjectRef
from gitops.validate.pod_security import refusals
from gitops.validate.scope import TEMPLATES, pods_of

WORKLOADS = (
    ("", "Pod"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
)
"""(group, kind) of everything that makes pods."""


def would_be_refused(objects: Iterable[KubeObject], level: str) -> list[tuple[ObjectRef, str]]:
    """Each workload that makes pods which `level` refuses, and why. What another workload made is left to that one."""
    own = [obj for obj in objects if obj.kind in TEMPLATES and not obj.metadata.get("ownerReferences")]
    return [(pod.owner.ref, what) for pod in pods_of(own) for _, what in refusals(pod, level)]
