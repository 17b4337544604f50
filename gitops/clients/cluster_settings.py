"""EKS, ECR and GuardDuty: reads the settings of a cluster and its region, and sets one at a time."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gitops.clients.aws import AwsRefused, aws_errors, client
from gitops.cluster_state import (
    CONTROL_LOGS,
    ENDPOINT,
    GUARDDUTY,
    LOGS,
    NETWORK_POLICY,
    SCANNING,
    SECRETS,
    AccessEntry,
    Addon,
    Change,
    ClusterState,
    RegionState,
    Value,
)
from gitops.errors import GitopsError

UPDATE_TIMEOUT, PAUSE = 1800.0, 10.0
"""Seconds that an update of EKS may take, and between two looks at it. EKS needs minutes for an endpoint or a key."""

_RUNTIME = ("RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING")


@dataclass(frozen=True)
class Services:
    """The clients of boto3 for one account and region."""

    eks: Any
    ecr: Any
    guardduty: Any
    quotas: Any

    @classmethod
    def of(cls, region: str) -> "Services":
        """Those of this process's credentials."""
        names = ("eks", "ecr", "guardduty", "service-quotas")
        return cls(*(client(name, region) for name in names))


class ClusterSettings:
    """The settings of the cluster `name`, and of the region that it is in."""

    def __init__(
        self,
        name: str,
        services: Services,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._aws = services
        self._sleep = sleep
        self._now = now

    def cluster(self) -> ClusterState:
        """The cluster as it is. Raises `GitopsError` where there is none."""
        with self._errors("the cluster"):
            found = self._aws.eks.describe_cluster(name=self.name)["cluster"]
        vpc = found.get("resourcesVpcConfig", {})
        logging = found.get("logging", {}).get("clusterLogging", [])
        return ClusterState(
            name=self.name,
            version=found.get("version", ""),
            status=found.get("status", ""),
            # EKS's own default where the answer has none (CreateAccessConfigRequest in botocore).
            authentication=found.get("accessConfig", {}).get("authenticationMode", "CONFIG_MAP"),
            public=vpc.get("endpointPublicAccess", True),
            private=vpc.get("endpointPrivateAccess", False),
            cidrs=tuple(vpc.get("publicAccessCidrs", [])),
            logs=tuple(log for setup in logging if setup.get("enabled") for log in setup.get("types", [])),
            key=next((each["provider"].get("keyArn", "") for each in found.get("encryptionConfig", [])), ""),
            auto_mode=found.get("computeConfig", {}).get("enabled", False),
            addons=self._addons(),
            entries=self._entries(),
            nodegroups=tuple(self._pages("list_nodegroups", "nodegroups", clusterName=self.name)),
            quotas=self._quotas(),
        )

    def region(self) -> RegionState:
        """What the region's clusters share."""
        with self._errors("ECR's scanning"):
            scanning = self._aws.ecr.get_registry_scanning_configuration()["scanningConfiguration"]
        with self._errors("GuardDuty"):
            detectors = self._aws.guardduty.list_detectors()["DetectorIds"]
            found = self._aws.guardduty.get_detector(DetectorId=detectors[0]) if detectors else {}
        features = {each["Name"]: each for each in found.get("Features", []) if each["Name"] in _RUNTIME}
        used = next((name for name in _RUNTIME if features.get(name, {}).get("Status") == "ENABLED"), _RUNTIME[0])
        feature = features.get(used, {})
        agents = {each["Name"]: each["Status"] for each in feature.get("AdditionalConfiguration", [])}
        return RegionState(
            scanning={"scanType": scanning.get("scanType", "BASIC"), "rules": scanning.get("rules", [])},
            detector=detectors[0] if detectors else "",
            runtime=feature.get("Status", "DISABLED"),
            agent=agents.get("EKS_ADDON_MANAGEMENT", "DISABLED"),
            runtime_feature=used,
        )

    def apply(self, change: Change) -> None:
        """Set `change.setting` to `change.after`, and wait until it is so. Raises `GitopsError`."""
        setters: dict[str, Callable[[Value], None]] = {
            ENDPOINT: self._set_endpoint,
            CONTROL_LOGS: self._set_logs,
            SECRETS: self._set_key,
            NETWORK_POLICY: self._set_network_policy,
            SCANNING: self._set_scanning,
            GUARDDUTY: self._set_guardduty,
        }
        with self._errors(change.setting):
            setters[change.setting](change.after)

    def _set_endpoint(self, value: Value) -> None:
        vpc = {"endpointPublicAccess": value["public"], "endpointPrivateAccess": value["private"]}
        if value["public"]:
            vpc["publicAccessCidrs"] = value["cidrs"]
        self._wait(self._aws.eks.update_cluster_config(name=self.name, resourcesVpcConfig=vpc))

    def _set_logs(self, value: Value) -> None:
        off = [log for log in LOGS if log not in value]
        setups = [{"types": types, "enabled": enabled} for types, enabled in ((value, True), (off, False)) if types]
        self._wait(self._aws.eks.update_cluster_config(name=self.name, logging={"clusterLogging": setups}))

    def _set_key(self, value: Value) -> None:
        encryption = [{"resources": ["secrets"], "provider": {"keyArn": value}}]
        self._wait(self._aws.eks.associate_encryption_config(clusterName=self.name, encryptionConfig=encryption))

    def _set_network_policy(self, value: Value) -> None:
        configuration = dict(self._addon("vpc-cni").configuration) | {"enableNetworkPolicy": str(value).lower()}
        answer = self._aws.eks.update_addon(
            clusterName=self.name,
            addonName="vpc-cni",
            configurationValues=json.dumps(configuration),
            resolveConflicts="PRESERVE",
        )
        self._wait(answer, addonName="vpc-cni")

    def _set_scanning(self, value: Value) -> None:
        self._aws.ecr.put_registry_scanning_configuration(scanType=value["scanType"], rules=value["rules"])

    def _set_guardduty(self, value: Value) -> None:
        region = self.region()
        if not value["detector"]:
            self._aws.guardduty.delete_detector(DetectorId=region.detector)
            return
        management = [{"Name": "EKS_ADDON_MANAGEMENT", "Status": value["agent"]}]
        features = [{"Name": region.runtime_feature, "Status": value["runtime"], "AdditionalConfiguration": management}]
        if region.detector:
            self._aws.guardduty.update_detector(DetectorId=region.detector, Features=features)
        else:
            self._aws.guardduty.create_detector(Enable=True, Features=features)

    def _wait(self, answer: dict[str, Any], **of: str) -> None:
        """Wait until EKS says that the update of `answer` succeeded. One at a time is all that EKS takes."""
        update, deadline = answer["update"], self._now() + UPDATE_TIMEOUT
        while update["status"] == "InProgress":
            if self._now() > deadline:
                problem = f"update {update['id']} is not done after {UPDATE_TIMEOUT / 60:.0f} min"
                raise GitopsError(self.name, problem, "it may still end: gitops cluster check shows it")
            self._sleep(PAUSE)
            update = self._aws.eks.describe_update(name=self.name, updateId=update["id"], **of)["update"]
        if update["status"] != "Successful":
            reasons = "; ".join(f"{each['errorCode']}: {each['errorMessage']}" for each in update.get("errors", []))
            problem = f"EKS says that update {update['id']} {update['status'].lower()}: {reasons or 'no reason given'}"
            raise GitopsError(self.name, problem, "mend that, then run it again")

    def _addons(self) -> dict[str, Addon]:
        return {name: self._addon(name) for name in self._pages("list_addons", "addons", clusterName=self.name)}

    def _addon(self, name: str) -> Addon:
        with self._errors(f"add-on {name}"):
            found = self._aws.eks.describe_addon(clusterName=self.name, addonName=name)["addon"]
        return Addon(found.get("addonVersion", ""), found.get("status", ""), _configuration(found))

    def _entries(self) -> dict[str, AccessEntry]:
        arns = self._pages("list_access_entries", "accessEntries", clusterName=self.name)
        return {arn: self._entry(arn) for arn in arns}

    def _entry(self, arn: str) -> AccessEntry:
        of = {"clusterName": self.name, "principalArn": arn}
        with self._errors(f"access entry {arn}"):
            found = self._aws.eks.describe_access_entry(**of)["accessEntry"]
        policies = self._pages("list_associated_access_policies", "associatedAccessPolicies", **of)
        return AccessEntry(
            tuple(found.get("kubernetesGroups", [])), tuple(each["policyArn"].rpartition("/")[2] for each in policies)
        )

    def _quotas(self) -> dict[str, float]:
        with self._errors("Service Quotas"):
            pages = self._aws.quotas.get_paginator("list_service_quotas").paginate(ServiceCode="eks")
            return {each["QuotaName"]: each["Value"] for page in pages for each in page["Quotas"]}

    def _pages(self, operation: str, key: str, **given: str) -> list[Any]:
        with self._errors(operation.replace("_", " ")):
            return [each for page in self._aws.eks.get_paginator(operation).paginate(**given) for each in page[key]]

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            with aws_errors(f"{self.name}, {what}"):
                yield
        except AwsRefused as error:
            if error.code == "ResourceNotFoundException" and what == "the cluster":
                hint = "check the name, the region and the account of the credentials"
                raise GitopsError(self.name, "there is no such EKS cluster", hint) from error
            raise


def _configuration(addon: dict[str, Any]) -> dict[str, Any]:
    """An add-on's configuration; AWS takes YAML too, of which JSON is a part."""
    import yaml

    try:
        found = yaml.load(addon.get("configurationValues") or "{}", Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise GitopsError(str(addon.get("addonName")), "its configuration is not YAML", "mend it in EKS") from error
    return found if isinstance(found, dict) else {}
