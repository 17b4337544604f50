"""Makers of the objects that tests deploy."""

from typing import Any

from gitops.objects import KubeObject


def config_map(name: str = "settings", namespace: str = "app", **data: str) -> KubeObject:
    return KubeObject(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _metadata(name, namespace), "data": data or {"a": "1"}}
    )


def secret(name: str = "keys", namespace: str = "app", **values: str) -> KubeObject:
    """Values are plain text; they are written as stringData."""
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": _metadata(name, namespace), "stringData": values}
    return KubeObject(body)


def namespace(name: str = "app") -> KubeObject:
    return KubeObject({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def deployment(
    name: str = "web",
    namespace: str = "app",
    image: str = "registry.invalid/web:1",
    replicas: int | None = 2,
    **pod: Any,
) -> KubeObject:
    container = {
        "name": "web",
        "image": image,
        "ports": [{"containerPort": 8080}],
        "resources": {"limits": {"cpu": "1000m", "memory": "1Gi"}},
    }
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **pod}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return KubeObject(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(name, namespace), "spec": spec}
    )


def cron_job(name: str = "tick", namespace: str = "app", image: str = "registry.invalid/tick:1") -> KubeObject:
    template = deployment(name, namespace, image).body["spec"]["template"]
    pod = {**template, "spec": {**template["spec"], "restartPolicy": "Never"}}
    spec = {"schedule": "0 * * * *", "suspend": True, "jobTemplate": {"spec": {"template": pod}}}
    return KubeObject(
        {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": _metadata(name, namespace), "spec": spec}
    )


def service(name: str = "web", namespace: str = "app") -> KubeObject:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return KubeObject({"apiVersion": "v1", "kind": "Service", "metadata": _metadata(name, namespace), "spec": spec})


def service_account(name: str = "web", namespace: str = "app") -> KubeObject:
    return KubeObject({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(name, namespace)})


def aggregated_role(name: str, **content: Any) -> KubeObject:
    """A ClusterRole that a controller puts together from those labelled `into: NAME`."""
    rule = {"clusterRoleSelectors": [{"matchLabels": {"into": name}}]}
    body = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    return KubeObject({**body, "aggregationRule": rule, **content})


def definition(kind: str = "Widget", group: str = "example.invalid") -> KubeObject:
    """A CustomResourceDefinition of a namespaced kind with a free-form spec."""
    plural = f"{kind.lower()}s"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
        "versions": [version],
    }
    return KubeObject(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": spec,
        }
    )


def widget(name: str = "one", namespace: str = "app", group: str = "example.invalid", **spec: Any) -> KubeObject:
    return KubeObject(
        {
            "apiVersion": f"{group}/v1",
            "kind": "Widget",
            "metadata": _metadata(name, namespace),
            "spec": spec or {"a": 1},
        }
    )


def _metadata(name: str, namespace: str) -> dict[str, Any]:
    return {"name": name, "namespace": namespace} if namespace else {"name": name}
