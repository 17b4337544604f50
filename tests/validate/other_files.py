"""Defects planted in templates, scripts and documents, beside a sound overlay."""

from tests.validate.repository import Defect, workload

POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: callers, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress]
"""
FLUENT_BIT = workload(
    "registry.example/app:1.0@sha256:", "public.ecr.aws/aws-observability/aws-for-fluent-bit:3.4.8@sha256:"
)
AUTOSCALER = workload(
    "registry.example/app:1.0@sha256:", "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.1@sha256:"
)
ALARM = """\
    Type: AWS::CloudWatch::Alarm
    Properties:
      MetricName: node_cpu_reserved_capacity
      TreatMissingData: breaching
      AlarmActions: [!Ref Topic]
"""
GROUP = """\
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: /aws/containerinsights/shop/application
      RetentionInDays: 90
"""
FILTER = """\
    Type: AWS::Logs::MetricFilter
    Properties:
      LogGroupName: !Ref Group
      FilterPattern: |-
        { $.kubernetes.container_name = "app" && $.log = "*ERROR*" }
      MetricTransformations:
        - MetricName: errors
          MetricValue: "1"
          DefaultValue: "0"
"""
QUERY = """\
    Type: AWS::Logs::QueryDefinition
    Properties:
      QueryString: |
        fields @timestamp
        | filter log like /(?i)(warn|error)/
        | stats count(*) as ERROR_COUNT by bin(5m)
"""
WATCHED = {
    "Alarm": ALARM,
    "Board": "    Type: AWS::CloudWatch::Dashboard\n    Properties:\n      DashboardBody: '{\"widgets\": [1]}'\n",
}
CNI = "    Type: AWS::EKS::Addon\n    Properties:\n      AddonName: vpc-cni\n"
ASSOCIATION = """\
    Type: AWS::EKS::PodIdentityAssociation
    Properties:
      ClusterName: NAME
      Namespace: shop
      ServiceAccount: ACCOUNT
"""


def template(**resources: str) -> dict[str, str]:
    body = "".join(f"  {name}:\n{text}" for name, text in resources.items())
    return {"cfn/shop.yaml": f'AWSTemplateFormatVersion: "2010-09-09"\nResources:\n{body}'}


def changed(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new, 1)


def role(service: str, *policies: str) -> str:
    arns = "".join(f"        - arn:aws:iam::aws:policy/{policy}\n" for policy in policies)
    return f"""\
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {{Effect: Allow, Principal: {{Service: {service}.amazonaws.com}}, Action: sts:AssumeRole}}
      ManagedPolicyArns:
{arns}"""


def filters(text: str) -> dict[str, str]:
    """A metric filter of the shared log group, and who looks at it."""
    return template(Group=GROUP, Filter=text, **WATCHED)


def script(*lines: str) -> dict[str, str]:
    return {"scripts/steps.sh": "#!/bin/sh\nset -eu\n" + "\n".join(lines) + "\n"}


def document(*lines: str) -> dict[str, str]:
    return {"docs/notes.md": "# Notes\n\n" + "\n".join(lines) + "\n"}


def shown(*lines: str) -> dict[str, str]:
    return document("```sh", *lines, "```")


def buildspec(phases: str) -> dict[str, str]:
    return {"buildspec/deploy.yaml": f"version: 0.2\nphases:\n{phases}"}


def pipeline(more: str, kind: str = "V2") -> str:
    """A pipeline of one CodeCommit source."""
    return f"""\
    Type: AWS::CodePipeline::Pipeline
    Properties:
      PipelineType: {kind}
      Stages:
        - Name: Source
          Actions:
            - ActionTypeId: {{Category: Source, Owner: AWS, Provider: CodeCommit, Version: "1"}}
              Configuration:
                RepositoryName: shop
{more}"""


BUILD = """\
    Type: AWS::CodeBuild::Project
    Properties:
      Environment:
        Image: aws/codebuild/standard:8.0
"""
STATEMENT = """\
    Type: AWS::IAM::Policy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: [iam:PassRole]
            Resource: arn:aws:iam::111122223333:role/shop-build
          - Effect: Allow
            Action: ecr:GetAuthorizationToken
            Resource: "*"
"""
SOUND_FILES = {
    **template(
        Pipeline=pipeline("                PollForSourceChanges: false\n"),
        Build=BUILD,
        Statement=STATEMENT,
        Group=GROUP,
        Filter=FILTER,
        Query=QUERY,
        **WATCHED,
        Nodes=role("ec2", "AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy"),
        Bastion=role("ec2", "CloudWatchAgentServerPolicy"),
        Cni=CNI + '      ConfigurationValues: \'{"enableNetworkPolicy": "true"}\'\n',
        FluentBit=ASSOCIATION.replace("NAME", "!Ref Cluster").replace("ACCOUNT", "app"),
    ),
    "scripts/steps.sh": """\
#!/bin/sh
# kubectl delete -f .
aws eks update-kubeconfig --name shop-cluster \\
  --region eu-west-1 --alias shop
kubectl config use-context shop
token=$(aws eks get-token --cluster-name shop-cluster)
aws ecr get-login-password | docker login --username AWS --password-stdin registry.example
kubectl apply -f build/objects.yaml
kubectl -n shop rollout status deployment/app
kubectl logs -n shop -l app=app --all-containers --tail=-1
kubectl delete daemonset fluent-bit
kubectl delete configmap fluent-bit-config
git init && git remote add origin codecommit::eu-west-1://shop
git add kustomize
curl -fsSLo tool https://example.invalid/tool
echo "$TOOL_SHA256  tool" | sha256sum --check
curl -fsS -o /dev/null https://shop.example.invalid/health
wget -q -O- -T 2 https://shop.example.invalid/health
""",
    **buildspec("""\
  install:
    runtime-versions: {python: "3.13"}
  build:
    commands: [make]
  post_build:
    commands:
      - test "$CODEBUILD_BUILD_SUCCEEDING" = 1 || exit 1
      - docker push shop/app:1
"""),
    "docs/notes.md": """\
# Notes

![flow](flow.svg) [other](../README.md#top) [site](https://example.invalid/x.md) `[no](link.md)`

```console
$ kubectl get pods
kubectl apply -f https://example.invalid/x.yaml
```

```
fields @timestamp
| stats count(*) as N by app
| filter N > 3
```
""",
    "docs/flow.svg": "<svg/>\n",
    "README.md": "# Shop\n",
}
"""What each check passes."""


def of_properties(text: str, code: str) -> str:
    """`text`, where the finding is about the properties as a whole."""
    return changed(text, "    Properties:\n", f"    Properties:  #! {code}\n")


MUCH = [f"            - {{Key: K{number}, Value: $.k{number}}}\n" for number in range(4)]
OTHER_FILES = [
    # CloudFormation and CloudWatch
    Defect(
        "alarm-without-actions",
        beside=template(Alarm=of_properties(changed(ALARM, "      AlarmActions: [!Ref Topic]\n", ""), "C001")),
    ),
    Defect(
        "alarm-silent-on-silence",
        beside=template(Alarm=of_properties(changed(ALARM, "      TreatMissingData: breaching\n", ""), "C002")),
    ),
    Defect("logs-without-alarm", beside=template(Group=of_properties(GROUP, "C003"), Board=WATCHED["Board"])),
    Defect("logs-without-dashboard", beside=template(Group=of_properties(GROUP, "C004"), Alarm=ALARM)),
    Defect(
        "dashboard-of-nothing",
        beside=template(Board=changed(WATCHED["Board"], "'{\"widgets\": [1]}'", "'{\"widgets\": []}'  #! C005")),
    ),
    Defect(
        "term-of-every-application",
        beside=filters(
            changed(FILTER, '{ $.kubernetes.container_name = "app" && $.log = "*ERROR*" }', "ERROR  #! C006")
        ),
    ),
    Defect("pattern-misses-upper-case", beside=filters(changed(FILTER, '"*ERROR*" }', '"*error*" }  #! C007'))),
    Defect(
        "book-event-search",
        beside=document(
            "```",
            '{ $.log != "[*" && $.kubernetes.container_name = "backend-app"',
            '  && ( $.log = "*WARN*" || $.log = "*error*" ) }  #! C007',
            "```",
        ),
    ),
    Defect(
        "four-dimensions",
        beside=filters(
            changed(FILTER, '          DefaultValue: "0"\n', "          Dimensions:  #! C008\n" + "".join(MUCH))
        ),
    ),
    Defect(
        "default-beside-dimensions",
        beside=filters(
            changed(
                FILTER,
                '          DefaultValue: "0"\n',
                '          DefaultValue: "0"  #! C008\n          Dimensions:\n' + MUCH[0],
            )
        ),
    ),
    Defect(
        "metric-filter-without-default",
        beside=filters(
            changed(
                changed(FILTER, '          DefaultValue: "0"\n', ""),
                "        - MetricName: errors",
                "        - MetricName: errors  #! C009",
            )
        ),
    ),
    Defect(
        "query-with-a-parenthesis-too-many",
        beside=template(Query=changed(QUERY, "        fields @timestamp", "        fields (@timestamp  #! C010")),
    ),
    Defect(
        "query-with-a-broken-regex",
        beside=template(
            Query=changed(
                QUERY,
                "        | stats",
                "        | filter log like /REGION GET  #! C010\n          ALL API/\n        | stats",
            )
        ),
    ),
    Defect(
        "stats-before-filter",
        beside=template(
            Query=changed(
                changed(QUERY, "        | filter log like /(?i)(warn|error)/\n", ""),
                "by bin(5m)\n",
                "by bin(5m)\n        | filter log like /(?i)(warn|error)/  #! C011\n",
            )
        ),
    ),
    Defect("query-of-lower-case", beside=template(Query=changed(QUERY, "/(?i)(warn|error)/", "/error/  #! C012"))),
    Defect(
        "query-in-a-document",
        beside=document("```", "fields @timestamp", "| filter log like /error/  #! C012", "| limit 20", "```"),
    ),
    Defect(
        "agents-policy-on-nodes",
        beside=template(
            Nodes=changed(
                role("ec2", "AmazonEKSWorkerNodePolicy", "CloudWatchAgentServerPolicy"),
                "CloudWatchAgentServerPolicy",
                "CloudWatchAgentServerPolicy  #! C013",
            )
        ),
    ),
    Defect(
        "policy-attached-to-nodes",
        beside=script(
            "aws iam attach-role-policy --role-name eksctl-eks-work-NodeInstanceRole-1"
            " --policy-arn arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy  #! C013"
        ),
    ),
    Defect(
        "full-access-on-nodes",
        beside=template(
            Nodes=changed(
                role("ec2", "AmazonEKSWorkerNodePolicy", "AutoScalingFullAccess"),
                "AutoScalingFullAccess",
                "AutoScalingFullAccess  #! C014",
            )
        ),
    ),
    Defect(
        "log-shipper-without-role",
        changed(FLUENT_BIT, "    spec:\n", "    spec:  #! C015\n"),
        beside=template(
            Other="    Type: AWS::EKS::PodIdentityAssociation\n    Properties:\n      ClusterName: shop-cluster\n"
            "      Namespace: shop\n      ServiceAccount: another\n"
        ),
    ),
    Defect(
        "log-group-without-retention",
        beside=template(
            Group=of_properties(
                "    Type: AWS::Logs::LogGroup\n    Properties:\n      LogGroupName: /aws/codebuild/shop\n", "C016"
            )
        ),
    ),
    Defect(
        "alarm-on-reservations-of-pods",
        beside=template(Alarm=changed(ALARM, "node_cpu_reserved_capacity", "pod_cpu_reserved_capacity  #! C017")),
    ),
    Defect(
        "target-tracking-beside-the-autoscaler",
        AUTOSCALER,
        beside=template(
            Policy="    Type: AWS::AutoScaling::ScalingPolicy\n    Properties:  #! C018\n"
            "      PolicyType: TargetTrackingScaling\n"
        ),
    ),
    Defect(
        "retired-policy",
        beside=template(
            Pipeline=changed(
                role("codepipeline", "AWSCodePipelineFullAccess"),
                "AWSCodePipelineFullAccess",
                "AWSCodePipelineFullAccess  #! C014, C023",
            )
        ),
    ),
    Defect(
        "policy-that-never-was",
        beside=template(
            Build=changed(role("codebuild", "AWSCodeBuildServiceRole"), "ServiceRole", "ServiceRole  #! C023")
        ),
    ),
    Defect(
        "any-role-handed-on",
        beside=template(
            Statement=changed(
                changed(STATEMENT, "arn:aws:iam::111122223333:role/shop-build", '"*"'),
                "            Action: [iam:PassRole]",
                "            Action: [iam:PassRole]  #! C024",
            )
        ),
    ),
    Defect(
        "all-of-a-service",
        beside=template(Statement=changed(STATEMENT, "ecr:GetAuthorizationToken", "ecr:*  #! C024")),
    ),
    Defect(
        "inline-policy-of-everything",
        beside=template(
            Role="""\
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: all
          PolicyDocument:
            Statement: {Effect: Allow, Action: "*", Resource: "*"}  #! C024
"""
        ),
    ),
    Defect(
        "pipeline-of-the-first-form",
        beside=template(
            Pipeline=of_properties(pipeline("                PollForSourceChanges: false\n", "V1"), "C025")
        ),
    ),
    Defect(
        "source-that-is-polled",
        beside=template(Pipeline=changed(pipeline(""), "Configuration:", "Configuration:  #! C025")),
    ),
    Defect(
        "build-image-of-2019",
        beside=template(Build=changed(BUILD, "standard:8.0", "standard:2.0  #! C026")),
    ),
    Defect(
        "role-in-system-masters",
        beside=template(
            Build="""\
    Type: AWS::EKS::AccessEntry
    Properties:
      PrincipalArn: arn:aws:iam::111122223333:role/shop-build
      KubernetesGroups: ["system:masters"]  #! R004
"""
        ),
    ),
    Defect(
        "user-in-the-cluster",
        beside=template(
            Developer="    Type: AWS::EKS::AccessEntry\n    Properties:\n"
            "      PrincipalArn: arn:aws:iam::111122223333:user/developer  #! C019\n"
        ),
    ),
    Defect(
        "images-not-scanned",
        beside=template(
            Images="    Type: AWS::ECR::Repository\n    Properties:  #! C020\n      RepositoryName: shop/app\n"
        ),
    ),
    Defect(
        "endpoint-open-to-the-world",
        beside=template(
            Cluster="    Type: AWS::EKS::Cluster\n    Properties:\n      ResourcesVpcConfig:  #! C021\n"
            "        EndpointPublicAccess: true\n      AccessConfig: {AuthenticationMode: API}\n"
        ),
    ),
    Defect(
        "cluster-without-access-entries",
        beside=template(
            Cluster="    Type: AWS::EKS::Cluster\n    Properties:  #! C029\n"
            "      ResourcesVpcConfig: {EndpointPublicAccess: false}\n"
        ),
    ),
    Defect(
        "policies-that-nothing-enforces",
        POLICY,
        beside=template(Cni="    Type: AWS::EKS::Addon\n    Properties:  #! C022\n      AddonName: vpc-cni\n"),
    ),
    # Scripts and documents
    Defect("delete-of-a-folder", beside=script("kubectl delete -f .  #! S001")),
    Defect(
        "config-map-deleted-first",
        beside=script(
            "kubectl delete -f cwagent-configmap.yaml  #! S002",
            "kubectl delete daemonset -n amazon-cloudwatch cloudwatch-agent",
        ),
    ),
    Defect(
        "kubeconfig-without-region",
        beside=shown("aws eks update-kubeconfig --name eks-work-cluster  #! S003"),
    ),
    Defect(
        "context-that-nothing-makes",
        beside=shown(
            "aws eks update-kubeconfig --name eks-work-cluster --region ap-northeast-2 --alias work",
            "kubectl config use-context eks-work  #! S004",
        ),
    ),
    Defect("token-printed", beside=script("aws eks get-token --cluster-name eks-work-cluster  #! S005")),
    Defect(
        "token-echoed-in-a-buildspec",
        beside={
            "buildspec/deploy.yaml": "version: 0.2\nphases:\n  build:\n    commands:\n"
            "      - echo $(aws eks get-token --cluster-name shop)  #! S005\n"
        },
    ),
    Defect(
        "identity-mapping",
        beside=script(
            "eksctl create iamidentitymapping --cluster c --arn arn:aws:iam::111122223333:user/developer  #! S006"
        ),
    ),
    Defect(
        "applied-by-url",
        beside=shown("kubectl apply -f https://example.invalid/v3.28.0/manifests/calico-vxlan.yaml  #! S007"),
    ),
    Defect(
        "config-map-made-by-hand",
        beside=shown("kubectl create configmap cluster-info --from-literal=cluster.name=eks-work-cluster  #! S008"),
    ),
    Defect("applied-and-not-waited-for", beside=script("kubectl apply -k overlays/prod  #! S009", "kubectl get all")),
    Defect("identity-switched", beside=shown("aws configure  #! S010", "kubectl run tnginx-test --image=nginx:1.29")),
    Defect(
        "policy-before-its-enforcer",
        beside=shown("kubectl apply -f default-deny.yaml  #! S011", "kubectl apply -f calico/operator.yaml"),
    ),
    Defect("object-by-heredoc", beside=shown("kubectl apply -n eks-work -f -<<EOF  #! S012", "kind: Pod", "EOF")),
    Defect(
        "user-for-git",
        beside=shown(
            "aws iam create-user --user-name eks-app-git  #! C019",
            "aws iam create-service-specific-credential --user-name eks-app-git"
            " --service-name codecommit.amazonaws.com  #! C019",
        ),
    ),
    Defect(
        "entry-of-system-masters",
        beside=script(
            "aws eks create-access-entry --cluster-name c --principal-arn arn:aws:iam::111122223333:role/codebuild"
            " --kubernetes-groups system:masters  #! R004"
        ),
    ),
    Defect("whole-tree-committed", beside=shown("git add .  #! S013", "git commit -m Test")),
    Defect(
        "origin-added-twice",
        beside=shown(
            "git remote add origin https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop  #! S014",
            "git push origin main",
        ),
    ),
    Defect(
        "kubectl-unverified",
        beside=script("curl -LO https://example.invalid/v1.19.6/bin/linux/amd64/kubectl  #! S015", "chmod +x kubectl"),
    ),
    Defect(
        "get-pip",
        beside=buildspec(
            "  install:\n    commands:\n      - wget -T 9 https://example.invalid/get-pip.py  #! S015\n"
            "      - python get-pip.py  #! W006\n"
        ),
    ),
    Defect("script-piped-into-python", beside=script("curl -s https://example.invalid/get-pip.py | python3  #! W006")),
    Defect("old-python", beside=buildspec("  install:\n    runtime-versions:\n      python: 3.7  #! C027\n")),
    Defect("python-read-as-a-number", beside=buildspec("  install:\n    runtime-versions: {python: 3.10}  #! C027\n")),
    Defect(
        "pushed-after-a-failed-build",
        beside=buildspec(
            "  build:\n    commands: [make]\n  post_build:\n    commands:\n      - docker push shop/app:1  #! C028\n"
        ),
    ),
    Defect("logs-without-l-in-a-document", beside=shown("kubectl logs app=backend-app  #! W006")),
    Defect("curl-dash-zero-in-a-script", beside=script("curl -0 https://example.invalid/fluentd.yaml  #! W006")),
    Defect("key-in-a-document", beside=document("AWS Access Key ID [None]: " + "AKIA" + "Z" * 16 + "  #! W005")),
    Defect("picture-that-is-not-there", beside=document("![policy](images/pod_security_policy.png.png)  #! D001")),
    Defect("metric-directory", beside=document("Make a metric directory in CloudWatch.  #! D002")),
]
"""One a line of the table in docs/pitfalls.md, and more."""
