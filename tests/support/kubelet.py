"""What the kubelet does to pods, for an API server that has none: makes them ready, or fails them."""

import threading
import time
from typing import Any

from gitops.clients.kubernetes import KubernetesCluster
from gitops.errors import GitopsError
from gitops.objects import KubeObject


class Kubelet:
    """Within `with`, gives every pod that appears the status that `image` of its first container asks for:
    an image that ends in `crash` crashes, `missing` cannot be pulled, anything else is ready."""

    def __init__(self, cluster: KubernetesCluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="kubelet")

    def __enter__(self) -> "Kubelet":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            for pod in self._cluster.list("", "Pod", self._namespace).objects:
                try:
                    if pod.metadata.get("deletionTimestamp"):
                        self._end(pod)
                    elif not (pod.body.get("status") or {}).get("containerStatuses"):
                        set_status(self._cluster, pod, pod_status(pod.body["spec"]["containers"][0]["image"]))
                except GitopsError:
                    # It went away meanwhile.
                    continue

    def _end(self, pod: KubeObject) -> None:
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"
        self._cluster._json("DELETE", path, str(pod.ref), body={"gracePeriodSeconds": 0})


def set_status(cluster: KubernetesCluster, found: KubeObject, status: dict[str, Any]) -> None:
    """Write an object's status, as its controller does."""
    kind = cluster.kinds().find(found.group, found.kind)
    assert kind is not None
    base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    path = f"{base}/namespaces/{found.namespace}/{kind.plural}/{found.name}/status"
    cluster._json("PATCH", path, str(found.ref), body={"status": status}, content_type="application/merge-patch+json")


def pod_status(image: str) -> dict[str, Any]:
    """The status of a pod of one container `web` that runs, or fails to run, `image`."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    container: dict[str, Any] = {"name": "web", "image": image, "imageID": image, "ready": False, "restartCount": 0}
    if image.endswith("crash"):
        container |= {
            "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        }
    elif image.endswith("missing"):
        container["state"] = {"waiting": {"reason": "ErrImagePull", "message": f"{image}: not found"}}
    else:
        container |= {"ready": True, "state": {"running": {"startedAt": now}}}
    ready = "True" if container["ready"] else "False"
    conditions = [{"type": name, "status": ready, "lastTransitionTime": now} for name in ("Ready", "ContainersReady")]
    conditions.append({"type": "PodScheduled", "status": "True", "lastTransitionTime": now})
    return {"phase": "Running", "conditions": conditions, "containerStatuses": [container]}
