"""What is entitled on a cluster: access entries of the roles, and Pod Identity for what runs in it."""

from collections.abc import Sequence

from gitops.config import Cluster, Config
from gitops.template import catalogues, names
from gitops.template.iam import Everything, Statement, allow, role, trust_pods
from gitops.template.names import Place
from gitops.template.yaml_text import Block, Comment, Tagged

AGENTS_NAMESPACE = "amazon-cloudwatch"


def agents(config: Config, place: Place) -> Block:
    """Pod Identity roles of what the platform overlays run."""
    resources: Block = {}
    for cluster in place.clusters:
        if cluster not in names.platform_clusters(config):
            continue
        overlays = config.platform.overlays
        agent = _pod_role(config, cluster, names.AGENT, AGENTS_NAMESPACE, [], managed=["CloudWatchAgentServerPolicy"])
        if "monitoring" not in overlays:
            del agent[names.logical(names.AGENT, cluster.name, "Association")]  # the add-on brings its own
        resources |= agent
        if "logging" in overlays:
            resources |= _pod_role(config, cluster, "fluent-bit", AGENTS_NAMESPACE, [_container_logs(cluster)])
        if "autoscaling" in overlays:
            resources |= _pod_role(config, cluster, "cluster-autoscaler", "kube-system", _autoscaler(cluster))
    return resources


def _pod_role(
    config: Config,
    cluster: Cluster,
    account: str,
    namespace: str,
    statements: Sequence[Statement],
    managed: Sequence[str] = (),
) -> Block:
    role_id = names.logical(account, cluster.name, "Role")
    return {
        role_id: role(
            names.role(config, f"{account}-{cluster.name}"),
            trust_pods(),
            statements,
            f"Pods of {namespace}/{account} on {cluster.name}.",
            managed,
        ),
        names.logical(account, cluster.name, "Association"): {
            "Type": "AWS::EKS::PodIdentityAssociation",
            "Properties": {
                "ClusterName": cluster.name,
                "Namespace": namespace,
                "ServiceAccount": account,
                "RoleArn": Tagged("!GetAtt", f"{role_id}.Arn"),
            },
        },
    }


def _container_logs(cluster: Cluster) -> Statement:
    group = f"arn:{names.PARTITION}:logs:{names.REGION}:{names.ACCOUNT}:log-group:/aws/containerinsights/{cluster.name}"
    return allow(
        "Writes to the log groups that the observability stack made.",
        ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        [f"{group}/{kind}{end}" for kind in ("application", "dataplane", "host") for end in ("", ":*")],
    )


def _autoscaler(cluster: Cluster) -> list[Statement]:
    tag = f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster.name}"
    return [
        allow(
            "Looks at groups and instance types.",
            [
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "autoscaling:DescribeTags",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
            ],
            Everything("Descriptions of EC2 and Auto Scaling have no resource."),
        ),
        allow(
            "Reads labels and taints of node groups.",
            ["eks:DescribeNodegroup"],
            [f"arn:{names.PARTITION}:eks:{names.REGION}:{names.ACCOUNT}:nodegroup/{cluster.name}/*"],
        ),
        allow(
            "Changes the cluster's own groups only.",
            ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            [f"arn:{names.PARTITION}:autoscaling:{names.REGION}:{names.ACCOUNT}:autoScalingGroup:*"],
            StringEquals={tag: "owned"},
        ),
    ]


def entries(config: Config, place: Place) -> Block:
    resources: Block = {}
    for cluster in place.clusters:
        for duty in names.duties_on(config, cluster):
            resources |= _entry(config, place, cluster, duty)
        for number, reader in enumerate(config.platform.readers, 1):
            resources[names.logical("Readers", str(number), "On", cluster.name)] = _access_entry(
                cluster,
                reader,
                names.readers_group(config),
                _policy("AmazonEKSViewPolicy", _namespaces(config, cluster)),
            )
    return resources


def _namespaces(config: Config, cluster: Cluster) -> list[str]:
    return list(dict.fromkeys(environment.namespace for environment in names.environments_on(config, cluster)))


def _entry(config: Config, place: Place, cluster: Cluster, duty: str) -> Block:
    """The entry of the role for `duty` on `cluster`: what it may do there, and no more."""
    by_duty = {names.deploy_duty(environment): environment for environment in config.environments}
    if duty in by_duty:
        environment = by_duty[duty]
        group, policy = names.deploy_group(environment), _policy("AmazonEKSEditPolicy", [environment.namespace])
    elif duty == names.DEPLOY_PLATFORM:
        group, policy = (
            "gitops-deploy-platform",
            {
                Comment("Namespaces, cluster roles, CRDs and admission are beyond every narrower access policy."): None,
                **_policy("AmazonEKSClusterAdminPolicy", []),
            },
        )
    else:
        group, policy = names.VALIDATE_GROUP, _policy("AmazonEKSViewPolicy", [])
    made_here = (place.account == config.account and place.home) or (
        place.account != config.account and place.first_of_account
    )
    entry = _access_entry(cluster, names.role_arn(config, duty), group, policy)
    if made_here:
        entry["DependsOn"] = names.logical(duty, "Role")
    return {names.logical(duty, "On", cluster.name): entry}


def _policy(name: str, namespaces: Sequence[str]) -> Statement:
    scope = {"Type": "namespace", "Namespaces": list(namespaces)} if namespaces else {"Type": "cluster"}
    return {"PolicyArn": names.sub(catalogues.access_policy(name)), "AccessScope": scope}


def _access_entry(cluster: Cluster, principal: str, group: str, policy: Statement) -> Block:
    return {
        "Type": "AWS::EKS::AccessEntry",
        "Properties": {
            "ClusterName": cluster.name,
            "PrincipalArn": names.sub(principal) if "${" in principal else principal,
            "KubernetesGroups": [group],
            "AccessPolicies": [policy],
        },
    }
