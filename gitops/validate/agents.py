"""Checks of what the logging and monitoring agents are configured with, in ConfigMaps and in generated ones."""

import json
import re
from collections.abc import Iterator
from typing import Any

from gitops.objects import KubeObject
from gitops.validate.finding import Finding
from gitops.validate.fluent_bit import Malformed, Section, problems, read
from gitops.validate.scope import Overlay

_HOST_FILES = {"/var/log/messages", "/var/log/secure", "/var/log/dmesg", "/var/log/syslog"}
_GONE_UNITS = {"docker.service", "kubeproxy.service", "kube-proxy.service"}


def check_agents(overlay: Overlay) -> Iterator[Finding]:
    """Findings in Fluent Bit's, fluentd's and the CloudWatch agent's configuration."""
    for obj in overlay.of_kind("ConfigMap"):
        data = {str(key): str(value) for key, value in (obj.body.get("data") or {}).items()}
        for key, text in data.items():
            if key.endswith(".conf") and re.search(r"(?m)^\s*\[(INPUT|OUTPUT|FILTER|SERVICE)\]", text):
                for code, line, what in _fluent_bit(text, set(data)):
                    yield _at(overlay, obj, key, line, code, what)
            if re.search(r"(?m)^\s*<source>", text):
                for line, what in _fluentd(text):
                    yield _at(overlay, obj, key, line, "L004" if "service" in what or "/var" in what else "L005", what)
            if key == "cwagentconfig.json" or '"metrics_collected"' in text:
                for what in agent_problems(text):
                    yield _at(overlay, obj, key, 1, "L006", what)


def _at(overlay: Overlay, obj: KubeObject, key: str, line: int, code: str, what: str) -> Finding:
    """At the line of the file that the value was generated from, or of the ConfigMap's block."""
    for file in overlay.sources.files:
        if file.rpartition("/")[2] == key and file.startswith(overlay.folder + "/"):
            return Finding(file, line, code, what)
    place, start = overlay.place(obj, ("data", key))
    return Finding(place, start + line, code, f"{key}: {what}")


def _fluent_bit(text: str, siblings: set[str]) -> Iterator[tuple[str, int, str]]:
    for line, what in problems(text, siblings):
        yield "L001", line, what
    try:
        sections, _ = read(text)
    except Malformed:
        return
    for section in sections:
        if section.name == "OUTPUT" and section.plugin.startswith("cloudwatch"):
            for entry in section.all("auto_create_group"):
                if entry.value.lower() in ("on", "true") and not section.get("log_retention_days"):
                    yield "L002", entry.line, "auto_create_group without log_retention_days"
        if section.name == "INPUT" and section.plugin == "tail":
            yield from _tail(section)
        if section.name == "INPUT" and section.plugin == "systemd":
            for entry in section.all("systemd_filter"):
                if entry.value.partition("=")[2] in _GONE_UNITS:
                    yield "L004", entry.line, f"no node has {entry.value.partition('=')[2]}"


def _tail(section: Section) -> Iterator[tuple[str, int, str]]:
    path = section.all("path")
    paths = [each.strip() for entry in path for each in entry.value.split(",")]
    excluded = section.get("exclude_path")
    for each in paths:
        if each in _HOST_FILES:
            yield "L004", path[0].line, f"{each} is not there on Amazon Linux 2023"
    containers = [each for each in paths if each.startswith("/var/log/containers/")]
    if "/var/log/containers/*.log" in containers and "fluent-bit" not in excluded:
        yield "L003", path[0].line, "Exclude_Path leaves fluent-bit* in"
    if any("/fluent-bit" in each for each in containers):
        yield "L003", path[0].line, "it reads fluent-bit*"
    parsers = {each.strip() for each in section.get("multiline.parser").split(",")}
    if containers and "cri" not in parsers and section.get("parser") not in ("cri", "containerd"):
        yield "L005", section.line, "no multiline.parser cri"


def _fluentd(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.search(r"\b(docker|kubeproxy)\.service", line):
            yield number, f"no node has {match[0]}"
        if match := re.search(r"path\s+(/var/log/(messages|secure|dmesg))\b", line):
            yield number, f"{match[1]} is not there on Amazon Linux 2023"
        if re.search(r"@type\s+json\b", line) and "/var/log/containers" in text:
            yield number, "@type json cannot read containerd's lines"


_AGENT: dict[str, Any] = {
    "agent": {
        "region": str,
        "debug": bool,
        "quiet": bool,
        "metrics_collection_interval": int,
        "run_as_user": str,
        "credentials": dict,
        "logfile": str,
        "internal": bool,
        "user_agent": str,
        "aws_sdk_log_level": str,
        "service.name": str,
        "deployment.environment": str,
        "omit_hostname": bool,
    },
    "logs": {
        "metrics_collected": {
            "kubernetes": {
                "cluster_name": str,
                "metrics_collection_interval": int,
                "disable_metric_extraction": bool,
                "enhanced_container_insights": bool,
                "accelerated_compute_metrics": bool,
                "accelerated_compute_gpu_metrics_collection_interval": int,
                "tag_service": bool,
                "prefer_full_pod_name": bool,
                "add_container_name_metric_label": bool,
                "add_full_pod_name_metric_label": bool,
                "kueue_container_insights": bool,
                "jmx_container_insights": bool,
            },
            "emf": dict,
            "ecs": dict,
            "prometheus": dict,
            "application_signals": dict,
            "app_signals": dict,
        },
        "logs_collected": dict,
        "force_flush_interval": int,
        "log_stream_name": str,
        "endpoint_override": str,
        "credentials": dict,
        "deployment.environment": str,
        "service.name": str,
        "concurrency": int,
    },
    "metrics": dict,
    "traces": dict,
    "opentelemetry": dict,
}
"""Of the agent's published schema, what Container Insights needs: translator/config/schema.json of
github.com/aws/amazon-cloudwatch-agent, commit ab55b8d (2026-08-07), which lets other keys pass: here a dict has these
keys and no other, as an unknown one is a slip of the pen."""


def agent_problems(text: str) -> Iterator[str]:
    """What of the CloudWatch agent's configuration `text` its schema refuses."""
    try:
        value = json.loads(text)
    except ValueError as error:
        yield f"is not JSON: {error}"
        return
    yield from _agent(value, _AGENT, "")


def _agent(value: Any, kind: Any, where: str) -> Iterator[str]:
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            yield f"{where or 'the document'} must be an object"
            return
        for key, item in value.items():
            if key in kind:
                yield from _agent(item, kind[key], f"{where}.{key}".lstrip("."))
            else:
                yield f"unknown key {where}.{key}".replace(" .", " ")
    elif not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        words = {str: "a string", int: "a whole number", bool: "true or false", dict: "an object"}
        yield f"{where} must be {words[kind]}"
