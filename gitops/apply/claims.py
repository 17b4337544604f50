"""Claims whose volume is made once a pod uses them: they are as ready as they can be, and nobody else may come."""

from gitops.clients.cluster import Reader
from gitops.errors import GitopsError
from gitops.objects import KubeObject

WAITS = "WaitForFirstConsumer"
"""Reason of the event by which the volume controller says so. The binding mode of the class would tell as well, but a
team may not read what belongs to no namespace."""


def waits_for_a_pod(reader: Reader, claim: KubeObject) -> bool:
    """Whether no pod uses `claim` yet, and its volume is not made before."""
    if claim.kind != "PersistentVolumeClaim" or (claim.body.get("status") or {}).get("phase") != "Pending":
        return False
    try:
        fields = {"involvedObject.uid": claim.uid, "reason": WAITS}
        return bool(reader.list("", "Event", claim.namespace, fields=fields).objects)
    except GitopsError:
        # Events only add to what is known.
        return False
