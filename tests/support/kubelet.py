"""What the kubelet does to pods, for an API server that has none: makes them ready, or fails them; and a node that they
can be on, which answers for their logs."""

import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

from gitops.clients.kubernetes import KubernetesCluster
from gitops.errors import GitopsError
from gitops.objects import KubeObject
from tests.support.loopback import LoopbackServer


class Kubelet:
    """Within `with`, gives every pod that appears the status that `image` of its first container asks for:
    an image that ends in `crash` crashes, `missing` cannot be pulled, `failed` ends with 3, `done` ends well, `unready`
    runs and is not ready, anything else is ready. With `node`, pods are put there first; with `scheduled`, it is the
    scheduler that does it, and a pod that it has no node for stays as it is."""

    def __init__(self, cluster: KubernetesCluster, namespace: str, node: str = "", scheduled: bool = False) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._node = node
        self._scheduled = scheduled
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
            try:
                pods = self._cluster.list("", "Pod", self._namespace).objects
            except GitopsError:
                # A busy server; the next look is soon.
                continue
            for pod in pods:
                self._see_to(pod)

    def _see_to(self, pod: KubeObject) -> None:
        try:
            if pod.metadata.get("deletionTimestamp"):
                self._end(pod)
            elif not pod.body["spec"].get("nodeName") and (self._node or self._scheduled):
                self._bind(pod)
            elif not (pod.body.get("status") or {}).get("containerStatuses"):
                set_status(self._cluster, pod, pod_status(pod.body["spec"]["containers"][0]["image"]))
        except GitopsError:
            # It went away meanwhile, or somebody else was quicker.
            return

    def _bind(self, pod: KubeObject) -> None:
        if self._scheduled:
            return
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/binding"
        target = {"apiVersion": "v1", "kind": "Node", "name": self._node}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod.name}, "target": target}
        self._cluster._json("POST", path, str(pod.ref), body=body)

    def _end(self, pod: KubeObject) -> None:
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"
        self._cluster._json("DELETE", path, str(pod.ref), body={"gracePeriodSeconds": 0})


def set_status(cluster: KubernetesCluster, found: KubeObject, status: dict[str, Any]) -> None:
    """Write an object's status, as its controller does."""
    kind = cluster.kinds().find(found.group, found.kind)
    assert kind is not None
    base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    base += f"/namespaces/{found.namespace}" if found.namespace else ""
    path = f"{base}/{kind.plural}/{found.name}/status"
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
    elif image.endswith(("failed", "done")):
        code = 3 if image.endswith("failed") else 0
        container["state"] = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}
    else:
        container |= {"ready": not image.endswith("unready"), "state": {"running": {"startedAt": now}}}
    ready = "True" if container["ready"] else "False"
    conditions = [{"type": name, "status": ready, "lastTransitionTime": now} for name in ("Ready", "ContainersReady")]
    conditions.append({"type": "PodScheduled", "status": "True", "lastTransitionTime": now})
    phase = {"failed": "Failed", "done": "Succeeded"}.get(image.rpartition(":")[2], "Running")
    return {"phase": phase, "conditions": conditions, "containerStatuses": [container]}


class Node(LoopbackServer):
    """A node called `name`, within `with`: room for pods, and a kubelet of its own that serves `log` for every one."""

    name = "node-1"

    def __init__(self, cluster: KubernetesCluster, directory: Path, log: str) -> None:
        self._cluster = cluster
        self.log = log
        self.asked: list[str] = []
        """Paths of the logs that were asked for."""
        node = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                node.asked.append(self.path)
                data = node.log.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        super().__init__(Handler, _tls(directory))

    def __enter__(self) -> Self:
        super().__enter__()
        made = self._cluster.create(KubeObject({"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name}}))
        # A node is made with the taint "not ready", which a controller takes away; it is not run here.
        self._cluster.replace(KubeObject({**made.body, "spec": {}}))
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        room = {"cpu": "10000", "memory": "100Ti", "pods": "10000", "ephemeral-storage": "100Gi"}
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}},
            "capacity": room,
            "allocatable": room,
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}],
        }
        set_status(self._cluster, made, status)
        return self


def _tls(directory: Path) -> ssl.SSLContext:
    key, certificate = directory / "kubelet.key", directory / "kubelet.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=kubelet"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
