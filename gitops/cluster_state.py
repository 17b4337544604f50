"""What of a cluster, and of its account and region, the checks and the hardening look at. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVERYWHERE = "0.0.0.0/0"

LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
"""All that a control plane can write to CloudWatch."""

ENDPOINT, CONTROL_LOGS, SECRETS, NETWORK_POLICY = "endpoint", "logs", "secrets", "network-policy"
SCANNING, GUARDDUTY = "ecr-scanning", "guardduty"
"""The settings that can be changed, by name."""

Value = Any
"""A setting's value, as JSON has it."""


@dataclass(frozen=True)
class Addon:
    """An EKS add-on."""

    version: str
    status: str
    configuration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AccessEntry:
    """Who may enter: the groups, and the names of the access policies."""

    groups: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClusterState:
    """One cluster, as DescribeCluster and its sisters tell."""

    name: str
    version: str
    status: str
    authentication: str
    """CONFIG_MAP, API_AND_CONFIG_MAP or API."""
    public: bool
    private: bool
    cidrs: tuple[str, ...]
    """Who may reach the public endpoint."""
    logs: tuple[str, ...]
    key: str
    """ARN of the key for Secrets; empty where it is EKS's own."""
    auto_mode: bool
    addons: Mapping[str, Addon] = field(default_factory=dict)
    entries: Mapping[str, AccessEntry] = field(default_factory=dict)
    """By the ARN of the principal."""
    nodegroups: tuple[str, ...] = ()
    quotas: Mapping[str, float] = field(default_factory=dict)
    """Of EKS in the region, by name."""


@dataclass(frozen=True)
class RegionState:
    """What all clusters of an account's region share."""

    scanning: Mapping[str, Value]
    """ECR's: scanType and rules, as PutRegistryScanningConfiguration takes them."""
    detector: str
    """Id of GuardDuty's detector; empty where there is none."""
    runtime: str = "DISABLED"
    """GuardDuty's RUNTIME_MONITORING, or the older EKS_RUNTIME_MONITORING."""
    agent: str = "DISABLED"
    """Whether GuardDuty keeps its agent's add-on on EKS by itself."""
    runtime_feature: str = "RUNTIME_MONITORING"
    """Which of the two features the detector uses; AWS refuses both at once."""


@dataclass(frozen=True)
class Change:
    """One setting, from `before` to `after`. `notes` are what a person should know before."""

    setting: str
    before: Value
    after: Value
    notes: tuple[str, ...] = ()
