"""An EKS cluster, its ECR, its GuardDuty and its quotas, as strict fakes (moto has none of these operations)."""

import json
from typing import Any

from gitops.clients.cluster_settings import ClusterSettings, Services
from tests.support.aws_models import FakeService, Refusal

NAME = "eks-work-cluster"
ROLES = "arn:aws:iam::111122223333:role"


class FakeEks(FakeService):
    """One cluster; updates take two looks, and one at a time."""

    service = "eks"

    def __init__(self) -> None:
        super().__init__()
        self.cluster: dict[str, Any] = {
            "name": NAME,
            "version": "1.36",
            "status": "ACTIVE",
            "accessConfig": {"authenticationMode": "API"},
            "resourcesVpcConfig": {
                "endpointPublicAccess": True,
                "endpointPrivateAccess": False,
                "publicAccessCidrs": ["0.0.0.0/0"],
            },
            "logging": {"clusterLogging": [{"types": ["api"], "enabled": True}]},
        }
        self.addons = {
            "vpc-cni": '{"env": {"A": "1"}}',
            "coredns": "",
            "kube-proxy": "",
            "eks-pod-identity-agent": "",
            "amazon-cloudwatch-observability": "",
        }
        duties = ("validate", "deploy-platform", "deploy-staging", "deploy-prod")
        self.entries = {f"{ROLES}/eks-work-{duty}": "AmazonEKSEditPolicy" for duty in duties}
        self.nodegroups = ["workers"]
        self.failing = ""
        self.looks_needed = 2
        self._looks: dict[str, int] = {}

    def _found(self, name: str) -> None:
        if name != NAME:
            raise Refusal("ResourceNotFoundException", f"No cluster found for name: {name}.")

    def describe_cluster(self, name: str) -> dict[str, Any]:
        self._found(name)
        return {"cluster": self.cluster}

    def list_addons(self, clusterName: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        return {"addons": list(self.addons)}

    def describe_addon(self, clusterName: str, addonName: str) -> dict[str, Any]:  # noqa: N803
        addon = {"addonName": addonName, "addonVersion": "v1", "status": "ACTIVE"}
        return {"addon": addon | {"configurationValues": self.addons[addonName]}}

    def list_access_entries(self, clusterName: str) -> dict[str, Any]:  # noqa: N803
        return {"accessEntries": list(self.entries)}

    def describe_access_entry(self, clusterName: str, principalArn: str) -> dict[str, Any]:  # noqa: N803
        return {"accessEntry": {"principalArn": principalArn, "kubernetesGroups": []}}

    def list_associated_access_policies(self, clusterName: str, principalArn: str) -> dict[str, Any]:  # noqa: N803
        arn = f"arn:aws:eks::aws:cluster-access-policy/{self.entries[principalArn]}"
        return {"associatedAccessPolicies": [{"policyArn": arn}]}

    def list_nodegroups(self, clusterName: str) -> dict[str, Any]:  # noqa: N803
        return {"nodegroups": self.nodegroups}

    def update_cluster_config(self, name: str, **what: Any) -> dict[str, Any]:
        assert len(what) == 1, "EKS takes one kind of change at a time"
        if vpc := what.get("resourcesVpcConfig"):
            if not vpc["endpointPublicAccess"] and "publicAccessCidrs" in vpc:
                raise Refusal("InvalidParameterException", "Public access CIDRs without public access")
            return self._update(lambda: self.cluster["resourcesVpcConfig"].update(vpc))
        setups = what["logging"]["clusterLogging"]
        return self._update(lambda: self.cluster.update(logging={"clusterLogging": setups}))

    def associate_encryption_config(self, clusterName: str, encryptionConfig: Any) -> dict[str, Any]:  # noqa: N803
        return self._update(lambda: self.cluster.update(encryptionConfig=encryptionConfig))

    def update_addon(self, clusterName: str, addonName: str, **what: Any) -> dict[str, Any]:  # noqa: N803
        json.loads(what["configurationValues"])
        assert what["resolveConflicts"] == "PRESERVE", "what others set in the cluster has to stay"
        return self._update(lambda: self.addons.update({addonName: what["configurationValues"]}))

    def _update(self, change: Any) -> dict[str, Any]:
        if any(looks for looks in self._looks.values()):
            raise Refusal("ResourceInUseException", "Cluster has an update in progress")
        if not self.failing:
            change()
        update = f"update-{len(self._looks)}"
        self._looks[update] = self.looks_needed
        return {"update": {"id": update, "status": "InProgress"}}

    def describe_update(self, name: str, updateId: str, addonName: str = "") -> dict[str, Any]:  # noqa: N803
        self._looks[updateId] -= 1
        if self._looks[updateId]:
            return {"update": {"id": updateId, "status": "InProgress"}}
        if self.failing:
            errors = [{"errorCode": self.failing, "errorMessage": "said AWS"}]
            return {"update": {"id": updateId, "status": "Failed", "errors": errors}}
        return {"update": {"id": updateId, "status": "Successful"}}


class FakeEcr(FakeService):
    """The registry's scanning."""

    service = "ecr"

    def __init__(self) -> None:
        super().__init__()
        self.scanning: dict[str, Any] = {"scanType": "BASIC", "rules": []}

    def get_registry_scanning_configuration(self) -> dict[str, Any]:
        return {"registryId": "111122223333", "scanningConfiguration": self.scanning}

    def put_registry_scanning_configuration(self, scanType: str, rules: Any) -> dict[str, Any]:  # noqa: N803
        frequencies = [rule["scanFrequency"] for rule in rules]
        assert len(frequencies) == len(set(frequencies)), "ECR takes one rule for each frequency"
        self.scanning = {"scanType": scanType, "rules": rules}
        return {"registryScanningConfiguration": self.scanning}


class FakeGuardDuty(FakeService):
    """A detector, or none."""

    service = "guardduty"

    def __init__(self) -> None:
        super().__init__()
        self.detectors: dict[str, list[dict[str, Any]]] = {}

    def list_detectors(self) -> dict[str, Any]:
        return {"DetectorIds": list(self.detectors)}

    def get_detector(self, DetectorId: str) -> dict[str, Any]:  # noqa: N803
        features = self.detectors[DetectorId]
        return {"ServiceRole": "role", "Status": "ENABLED", "Features": features}

    def create_detector(self, Enable: bool, Features: Any) -> dict[str, Any]:  # noqa: N803
        self.detectors["d1"] = Features
        return {"DetectorId": "d1"}

    def update_detector(self, DetectorId: str, Features: Any) -> dict[str, Any]:  # noqa: N803
        given = {each["Name"] for each in Features}
        enabled = {each["Name"] for each in self.detectors[DetectorId] if each["Status"] == "ENABLED"}
        both = {"RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"}
        if both <= given | enabled:
            raise Refusal("BadRequestException", "Runtime Monitoring and EKS Runtime Monitoring exclude each other")
        self.detectors[DetectorId] = [e for e in self.detectors[DetectorId] if e["Name"] not in given] + Features
        return {}

    def delete_detector(self, DetectorId: str) -> dict[str, Any]:  # noqa: N803
        del self.detectors[DetectorId]
        return {}


class FakeQuotas(FakeService):
    service = "service-quotas"

    def list_service_quotas(self, ServiceCode: str) -> dict[str, Any]:  # noqa: N803
        return {"Quotas": [{"QuotaName": "Managed node groups per cluster", "Value": 30.0}]}


class FakeAccount:
    """All four, and the settings that are read and written through them."""

    def __init__(self) -> None:
        self.eks, self.ecr, self.guardduty, self.quotas = FakeEks(), FakeEcr(), FakeGuardDuty(), FakeQuotas()
        self.slept = 0.0

    def settings(self, name: str = NAME) -> ClusterSettings:
        services = Services(self.eks.client, self.ecr.client, self.guardduty.client, self.quotas.client)
        return ClusterSettings(name, services, self._sleep, lambda: self.slept)

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds
