"""Every code of `gitops validate`: its severity, what it is about, why it matters, what to do."""

from typing import NamedTuple


class Code(NamedTuple):
    """What is said of every finding with one code."""

    severity: str
    title: str
    why: str
    fix: str


ERROR, WARNING, NOTE = "error", "warning", "note"
"""SARIF's levels. A note is a state that is worth knowing, and no defect."""

CODES = {
    # Kustomizations
    "K001": Code(ERROR, "does not render", "nothing of this overlay can be deployed", "mend what kustomize names"),
    "K002": Code(
        ERROR, "deprecated kustomize field", "kustomize warns of it now and drops it later", "use the field named here"
    ),
    "K003": Code(
        ERROR,
        "remote resource",
        "whoever controls that address controls what is deployed, and each build fetches it anew",
        "copy it into the repository",
    ),
    "K004": Code(
        ERROR,
        "images entry matches nothing",
        "kustomize says nothing, and the placeholder is deployed as it is",
        "give the name exactly as the manifests have it",
    ),
    "K005": Code(
        ERROR,
        "placeholder image is left",
        "no registry has an image of that name",
        "add an images entry for it to the overlay",
    ),
    "K006": Code(
        NOTE, "image not released yet", "its pods cannot start: no registry has that digest", "run gitops bump"
    ),
    "K007": Code(
        ERROR, "unquoted tag reads as a number", "kustomize refuses it, or 1.10 becomes 1.1", 'quote it: newTag: "1.10"'
    ),
    "K008": Code(
        ERROR,
        "images entry names no fixed version",
        "what runs then depends on when a node pulled it",
        "give newTag and digest, as gitops bump writes them",
    ),
    "K009": Code(
        ERROR,
        "images name is read as a regular expression",
        "it can rewrite other images than the one meant",
        "write the plain name",
    ),
    "K010": Code(
        ERROR, "patches is a list of mappings", "kustomize 5 refuses bare file names there", "write - path: FILE"
    ),
    "K011": Code(
        WARNING,
        "labels change selectors",
        "selectors of Deployments cannot be changed: the next deploy fails",
        "leave includeSelectors out",
    ),
    "K012": Code(
        WARNING,
        "generated name has no hash",
        "a changed value does not roll the pods",
        "leave disableNameSuffixHash out",
    ),
    "K013": Code(ERROR, "file is not there", "the overlay does not render", "add the file, or take the line away"),
    "K014": Code(ERROR, "key given twice", "the last one wins, silently", "keep one of them"),
    "K015": Code(
        ERROR, "is not YAML", "nothing that uses the file can be deployed", "check the indentation and quotes there"
    ),
    "K016": Code(
        WARNING,
        "secret data in a kustomization",
        "it stays readable in git for ever; base64 hides nothing",
        "keep it in Secrets Manager and refer to it",
    ),
    # Objects
    "O001": Code(
        ERROR, "unknown field", "the API server drops it or refuses the object", "check the name and the indentation"
    ),
    "O002": Code(ERROR, "wrong type", "the API server refuses the object", "give a value of that type"),
    "O003": Code(ERROR, "required field is missing", "the API server refuses the object", "add it"),
    "O004": Code(
        ERROR, "object without a name", "nothing can be created without one", "indent name and namespace under metadata"
    ),
    "O005": Code(ERROR, "API was removed", "the cluster's version does not serve it", "move to the version named here"),
    "O006": Code(
        WARNING, "API is deprecated", "a later version of Kubernetes drops it", "move to the version named here"
    ),
    "O007": Code(
        ERROR,
        "unknown kind",
        "the cluster's version does not serve it, and no CRD here defines it",
        "check apiVersion and kind",
    ),
    "O008": Code(
        ERROR,
        "object in two overlays",
        "each deploy of one takes it from the other, and prunes it",
        "keep it in one of them",
    ),
    "O009": Code(
        ERROR,
        "object without a namespace",
        "it lands in whatever namespace is current",
        "give metadata.namespace, or the overlay a namespace",
    ),
    "O010": Code(
        WARNING,
        "namespace that nothing makes",
        "the deploy fails in a new cluster",
        "add the Namespace to the security overlay",
    ),
    "O011": Code(
        ERROR,
        "selector does not match its pods",
        "the API server refuses the object",
        "give the template the selector's labels",
    ),
    "O012": Code(
        ERROR,
        "name that Kubernetes does not take",
        "the API server refuses the object",
        "lower-case letters, digits, - and ., from a letter or digit to one",
    ),
    "O013": Code(
        ERROR, "value that Kubernetes does not take", "the API server refuses the object", "give a value as it is said"
    ),
    "O014": Code(
        ERROR,
        "fields that do not go together",
        "the API server refuses the object",
        "keep what is meant, and leave the other out",
    ),
    "O015": Code(
        WARNING,
        "selector takes the pods of another workload",
        "two controllers count the same pods, and each undoes the other",
        "give each a label of its own",
    ),
    # Images
    "I001": Code(
        ERROR,
        "mutable tag",
        "what runs depends on when a node pulled it; nothing says what it was",
        "name the version and its digest",
    ),
    "I002": Code(
        WARNING,
        "image without a digest",
        "a tag can be moved to other content",
        "gitops pins update, or name the digest",
    ),
    "I003": Code(
        ERROR,
        "registry is frozen",
        "k8s.gcr.io has had no image since 2023-04-03",
        "use registry.k8s.io (cluster-autoscaler is under /autoscaling/)",
    ),
    "I004": Code(
        ERROR,
        "Cluster Autoscaler is not of the cluster's version",
        "it misjudges what the scheduler would do, and calls APIs that are gone",
        "gitops generate takes the right one from kustomize/pins.yaml",
    ),
    "I005": Code(
        ERROR,
        "metrics-server is not for the cluster's version",
        "it does not start, and no HorizontalPodAutoscaler works",
        "gitops generate takes the right one from kustomize/pins.yaml",
    ),
    "I006": Code(
        WARNING,
        "fluentd image",
        "AWS's manifest for it is abandoned and cannot read containerd's lines",
        "use Fluent Bit: the logging overlay",
    ),
    "I007": Code(
        WARNING,
        "image of Docker Hub",
        "it limits pulls by address, and all nodes and builds behind a gateway have the same one",
        "public.ecr.aws/docker/library/NAME, or a pull-through cache of your ECR",
    ),
    "I008": Code(
        ERROR, "digest that is none", "no node can pull it: InvalidImageName", "take all of it: sha256: and 64 digits"
    ),
    # Pod Security
    "P001": Code(
        ERROR,
        "pod that its namespace refuses",
        "the Deployment is accepted and its pods are not: nothing starts, nothing says so",
        "mend the field, or lower the namespace's level",
    ),
    "P002": Code(
        WARNING,
        "pod that `restricted` would refuse",
        "it stands in the way of raising the namespace's level",
        "mend the field",
    ),
    "P003": Code(
        ERROR,
        "namespace without Pod Security labels",
        "everything is admitted, privileged pods too",
        "label it with enforce, audit and warn",
    ),
    "P004": Code(
        WARNING,
        "Pod Security version not pinned",
        "an upgrade of the cluster changes what is refused",
        "add the -version label",
    ),
    "P005": Code(ERROR, "PodSecurityPolicy", "it was removed in 1.25", "label the namespaces instead"),
    "P006": Code(
        WARNING,
        "Pod Security without warn or audit",
        "nothing tells what is refused: Deployments are accepted, pods are not",
        "add the audit and warn labels",
    ),
    # RBAC
    "R001": Code(ERROR, "RBAC resource that does not exist", "the rule grants nothing", "use the name given here"),
    "R002": Code(
        ERROR,
        "RBAC API group that does not exist",
        "the rule grants nothing, or the API server refuses it",
        "use the group given here",
    ),
    "R003": Code(
        ERROR,
        "wrong apiGroup in a subject or roleRef",
        "the API server refuses the binding",
        "write rbac.authorization.k8s.io",
    ),
    "R004": Code(
        ERROR,
        "system:masters",
        "it may do everything and cannot be limited or revoked by RBAC",
        "use an access entry with a group of its own",
    ),
    "R005": Code(WARNING, "wildcard in a role", "it grants what later versions add, too", "list what is needed"),
    "R006": Code(
        WARNING,
        "nodes/proxy",
        "it lets its holder run commands in every container of a node",
        "use nodes/pods, nodes/metrics, nodes/stats",
    ),
    "R007": Code(ERROR, "role that nothing defines", "the binding grants nothing", "define it, or correct the name"),
    "R008": Code(WARNING, "verb that the resource does not have", "it grants nothing", "leave it out"),
    "R009": Code(
        ERROR,
        "subject that nothing defines",
        "the ServiceAccount gets nothing",
        "define it, or correct name and namespace",
    ),
    "R010": Code(
        ERROR,
        "ConfigMap aws-auth",
        "one wrong line locks everybody out, and EKS deprecates it",
        "use access entries: the access stack has them",
    ),
    "R011": Code(
        WARNING, "cluster-admin is bound", "it may do everything in every namespace", "list what is needed in a role"
    ),
    "R012": Code(
        ERROR, "right for whoever is not logged in", "everybody who reaches the API server has it", "name a group"
    ),
    "R013": Code(
        WARNING,
        "right to give oneself rights",
        "bind, escalate and impersonate are as good as cluster-admin",
        "name what may be bound or impersonated in resourceNames",
    ),
    "R014": Code(
        WARNING,
        "Secrets of every namespace",
        "whoever takes this account has every password and token of the cluster",
        "a Role in each namespace, or resourceNames",
    ),
    # Network
    "N001": Code(
        ERROR,
        "NetworkPolicy without policyTypes",
        "only Ingress is denied: everything may still go out",
        "name Ingress and Egress",
    ),
    "N002": Code(
        ERROR,
        "egress denied without DNS",
        "no name can be resolved: everything fails with a timeout",
        "allow UDP and TCP 53 to kube-dns",
    ),
    "N003": Code(
        WARNING,
        "namespaceSelector and podSelector as two peers",
        "two list items mean either: every pod of that namespace, and such pods here",
        "put both into one item",
    ),
    "N004": Code(WARNING, "NetworkPolicy selects no pod", "it protects nothing", "check the labels"),
    "N005": Code(
        WARNING,
        "NetworkPolicy allows a port that no pod has",
        "the callers are still denied",
        "give the container's port",
    ),
    "N006": Code(
        WARNING,
        "service port differs from the container's",
        "the VPC CNI's network policies need them equal",
        "make both the same",
    ),
    "N007": Code(
        ERROR,
        "Calico with a network of its own",
        "the pods stay on the VPC CNI, and its policies on interfaces that are not there; its pool may be the VPC's",
        "let the VPC CNI enforce, or install Calico policy-only (cni.type: AmazonVPC)",
    ),
    # Scaling
    "H001": Code(
        ERROR,
        "replicas and a HorizontalPodAutoscaler",
        "each deploy sets back what the autoscaler decided",
        "leave replicas out",
    ),
    "H002": Code(ERROR, "HorizontalPodAutoscaler without a target", "it scales nothing", "correct scaleTargetRef"),
    "H003": Code(
        ERROR,
        "HorizontalPodAutoscaler on use without a request",
        "the use of nothing cannot be computed: it never scales",
        "give every container that request",
    ),
    "H004": Code(WARNING, "old HorizontalPodAutoscaler", "autoscaling/v1 has no behavior", "use autoscaling/v2"),
    "H005": Code(ERROR, "fewest pods above most pods", "the API server refuses it", "swap minReplicas and maxReplicas"),
    "H006": Code(
        WARNING,
        "HorizontalPodAutoscaler without behavior",
        "EKS does not let the controller's own flags be changed",
        "write behavior",
    ),
    "H007": Code(
        ERROR,
        "HorizontalPodAutoscaler on a container that is not there",
        "it gets no figure, and does not scale",
        "name a container of its target",
    ),
    "H008": Code(
        ERROR,
        "two HorizontalPodAutoscalers on one target",
        "both stop with AmbiguousSelector",
        "keep one, with the metrics of both",
    ),
    "A001": Code(
        ERROR,
        "--nodes names one Auto Scaling group",
        "the name is another cluster's, or changes with the node group",
        "use --node-group-auto-discovery",
    ),
    "A002": Code(
        ERROR,
        "auto-discovery for another cluster",
        "it would scale that cluster's nodes, or none",
        "name this cluster in the tag",
    ),
    "A003": Code(ERROR, "Cluster Autoscaler on EKS Auto Mode", "it fights AWS's own", "take the overlay out"),
    "A004": Code(
        ERROR,
        "priority below the autoscaler's cutoff",
        "such pods add no node: there is no headroom",
        "use -10 or more",
    ),
    "A005": Code(
        WARNING,
        "Cluster Autoscaler that takes no node away",
        "nodes that were added once are paid for ever; by default it removes what is under half used for 10 minutes",
        "leave --scale-down-enabled out",
    ),
    # References
    "F001": Code(
        ERROR,
        "ConfigMap that nothing defines",
        "the pods stay in CreateContainerConfigError",
        "define it, or correct the name",
    ),
    "F002": Code(
        WARNING,
        "Secret that nothing here defines",
        "unless something else makes it, the pods do not start",
        "make it, or mark the line: # gitops: ignore F002",
    ),
    "F003": Code(
        ERROR, "ServiceAccount that nothing defines", "its pods are refused", "define it, or correct the name"
    ),
    "F004": Code(ERROR, "selects no pod", "it does nothing", "correct the selector"),
    "F005": Code(
        ERROR, "PriorityClass that nothing defines", "its pods are refused", "define it, or use system-node-critical"
    ),
    "F006": Code(ERROR, "volume that nothing defines", "the API server refuses the object", "define it under volumes"),
    "F007": Code(ERROR, "port that no container has", "connections are refused", "name a port of the container"),
    "F008": Code(
        WARNING, "PersistentVolumeClaim that nothing defines", "the pods stay pending", "define it, or correct the name"
    ),
    "F009": Code(
        ERROR,
        "key that the ConfigMap does not have",
        "the pods stay in CreateContainerConfigError",
        "add the key, or correct it",
    ),
    "F010": Code(
        ERROR,
        "probe at a port that the container does not have",
        "it always fails, and the pod is never ready",
        "name a port of the container",
    ),
    "F011": Code(
        WARNING,
        "probe at a port that no container declares",
        "where nothing listens there, the pod is never ready",
        "correct it, or declare the port",
    ),
    "F012": Code(
        ERROR,
        "Ingress to a Service or port that is not there",
        "its callers get 503",
        "name a Service of the namespace, and a port of it",
    ),
    "F013": Code(
        WARNING,
        "StatefulSet without its Service",
        "its pods have no names of their own",
        "define it, with clusterIP: None",
    ),
    "F014": Code(
        ERROR, "binding of a policy that nothing defines", "nothing is checked", "define it, or correct the name"
    ),
    # Workloads
    "W001": Code(
        WARNING,
        "container without requests",
        "the scheduler and the autoscaler count it as nothing",
        "give resources.requests",
    ),
    "W002": Code(WARNING, "no readiness probe", "it gets requests before it can answer them", "give readinessProbe"),
    "W003": Code(
        ERROR,
        "Docker's socket or files",
        "nodes run containerd: there is nothing at that path",
        "use containerd's, or leave it out",
    ),
    "W004": Code(WARNING, "no memory limit", "one pod can take the node's memory", "give resources.limits.memory"),
    "W005": Code(
        ERROR, "secret in plain text", "it is readable in git and in the cluster by everyone", "refer to a Secret"
    ),
    "W006": Code(ERROR, "shell command that does not do what it says", "see what is said", "write it as said"),
    "W007": Code(
        WARNING,
        "Job that never ends or stays for ever",
        "it holds its node and its name",
        "give activeDeadlineSeconds and ttlSecondsAfterFinished",
    ),
    "W008": Code(
        WARNING,
        "certificates of the node",
        "they are not at the same path on every node's system, and the pods do not start there",
        "use the image's own, or a ConfigMap",
    ),
    "W009": Code(ERROR, "limit below the request", "the API server refuses the pods", "raise the limit"),
    "W010": Code(
        ERROR,
        "PodDisruptionBudget that lets no pod go",
        "no node can be drained: upgrades of node groups wait, and fail",
        "maxUnavailable: 1",
    ),
    "W011": Code(
        WARNING,
        "spread over nodes that does not count its own pods",
        "they are not spread, or never scheduled",
        "give labelSelector the pods' labels",
    ),
    "W012": Code(
        WARNING, "deprecated label of nodes", "where it is gone, pods are not scheduled", "use the label named here"
    ),
    "W013": Code(
        WARNING,
        "preStop takes all of the grace period",
        "the application is killed before it is told to stop",
        "raise terminationGracePeriodSeconds",
    ),
    "W014": Code(
        ERROR,
        "role-arn that is the ARN of no role",
        "its pods start without a role: AccessDenied",
        "arn:aws:iam::ACCOUNT:role/NAME, or EKS Pod Identity",
    ),
    # Agents
    "L001": Code(
        ERROR,
        "Fluent Bit's configuration is wrong",
        "Fluent Bit does not start, or leaves the line out",
        "correct it as its documentation says",
    ),
    "L002": Code(
        WARNING,
        "log group is made without retention",
        "it keeps everything for ever, and is billed",
        "auto_create_group false: the stack makes the groups",
    ),
    "L003": Code(
        ERROR,
        "the agent reads its own log",
        "a line about a failure to send fails to be sent, and makes another",
        "exclude fluent-bit* (fluentd*) from Path",
    ),
    "L004": Code(
        ERROR,
        "log that is not there",
        "Amazon Linux 2023 and Bottlerocket log to the journal only; Docker and a kube-proxy unit do not exist",
        "read the journal, as the logging overlay does",
    ),
    "L005": Code(
        ERROR,
        "cannot read containerd's lines",
        "every line is taken as one text, cut into parts",
        "multiline.parser docker, cri",
    ),
    "L006": Code(
        ERROR,
        "the CloudWatch agent's configuration is wrong",
        "the agent does not start, or leaves it out",
        "correct it as its schema says",
    ),
    # CloudFormation and CloudWatch
    "C001": Code(ERROR, "alarm that tells nobody", "it turns red and nobody looks", "give AlarmActions a topic"),
    "C002": Code(
        WARNING,
        "alarm that does not say what a silence means",
        "by default it stays as it was: a dead agent raises no alarm",
        "give TreatMissingData",
    ),
    "C003": Code(
        WARNING, "logs and no alarm", "a failed node is noticed by its users", "add alarms: gitops template writes them"
    ),
    "C004": Code(
        WARNING,
        "logs and no dashboard",
        "one made by clicks is in no repository, and is lost with its account",
        "add an AWS::CloudWatch::Dashboard: gitops template writes one",
    ),
    "C005": Code(ERROR, "dashboard that shows nothing", "CloudWatch refuses it", "give DashboardBody widgets, in JSON"),
    "C006": Code(
        ERROR,
        "metric filter counts every application",
        "one noisy application raises the alarm of another",
        "name the container in the pattern",
    ),
    "C007": Code(
        ERROR, "pattern misses what it looks for", "most errors are not counted", "name each spelling, or use %regex%"
    ),
    "C008": Code(ERROR, "metric filter that CloudWatch refuses", "the stack fails", "correct what is said"),
    "C009": Code(
        WARNING,
        "metric filter without a default",
        "without a line there is no data, and the alarm cannot tell that all is well",
        'DefaultValue: "0"',
    ),
    "C010": Code(ERROR, "Logs Insights query that does not parse", "it finds nothing", "correct what is said"),
    "C011": Code(
        ERROR, "filter after stats", "stats leaves nothing of the fields that it filters on", "put filter before stats"
    ),
    "C012": Code(
        WARNING, "query looks for one spelling only", "ERROR, Error and error are three", "begin it with (?i)"
    ),
    "C013": Code(
        ERROR,
        "policy on the nodes' role",
        "every pod of those nodes has it, and pods on others do not",
        "give the ServiceAccount a role, by EKS Pod Identity",
    ),
    "C014": Code(ERROR, "FullAccess policy", "a service needs a few actions of it", "list what is needed"),
    "C015": Code(
        WARNING,
        "pod without a role in AWS",
        "what it sends to AWS is refused",
        "add an AWS::EKS::PodIdentityAssociation: gitops template writes it",
    ),
    "C016": Code(
        WARNING, "log group without retention", "it keeps everything for ever, and is billed", "give RetentionInDays"
    ),
    "C017": Code(
        WARNING,
        "alarm on what pods reserve",
        "it says how much a pod asks for, and nothing of the room that is left",
        "use node_cpu_reserved_capacity",
    ),
    "C018": Code(
        ERROR,
        "scaling policy beside the Cluster Autoscaler",
        "each sets back what the other decided",
        "leave the policy out",
    ),
    "C019": Code(
        ERROR, "IAM user", "its keys do not expire, and are shared and lost", "use a role and an access entry"
    ),
    "C020": Code(
        WARNING, "images are not scanned", "what is known to be open is deployed", "ImageScanningConfiguration"
    ),
    "C021": Code(
        ERROR, "API server open to the world", "a stolen token is enough", "give PublicAccessCidrs, or close it"
    ),
    "C022": Code(
        ERROR,
        "NetworkPolicies that nothing enforces",
        "everything is allowed, whatever they say",
        'ConfigurationValues: \'{"enableNetworkPolicy": "true"}\'',
    ),
    "C023": Code(
        ERROR, "managed policy that AWS has not", "the stack fails when it is created", "write an inline policy"
    ),
    "C024": Code(
        ERROR,
        "statement that allows too much",
        "whoever gets hold of the role gets hold of the account",
        "name the actions and the resources; iam:PassRole with iam:PassedToService",
    ),
    "C025": Code(
        WARNING,
        "pipeline of an old form",
        "it starts late, and lacks what a release needs",
        "PipelineType: V2; PollForSourceChanges: false and an EventBridge rule, as gitops template writes them",
    ),
    "C026": Code(
        ERROR,
        "build image that AWS does not maintain",
        "its tools are years old, and it goes away",
        "use what is named here",
    ),
    "C027": Code(
        ERROR,
        "Python that no maintained build image has",
        "the build ends before its first command",
        "one that gitops template knows, in quotes",
    ),
    "C028": Code(
        ERROR,
        "released after a failed build",
        "CodeBuild runs post_build whatever became of build",
        'on-failure: ABORT at build, or test "$CODEBUILD_BUILD_SUCCEEDING" = 1 first',
    ),
    "C029": Code(
        ERROR,
        "cluster that takes no access entry",
        "who may enter stands in the ConfigMap aws-auth, where one wrong line locks everybody out",
        "AccessConfig: {AuthenticationMode: API}",
    ),
    # Scripts and documents
    "S001": Code(
        ERROR,
        "teardown by what lies in a folder",
        "what was applied by URL or by hand stays, and what was never applied fails it",
        "gitops teardown: it deletes what the inventory says",
    ),
    "S002": Code(
        ERROR,
        "deleted before what uses it",
        "its pods fail until they go, too",
        "delete in reverse order, as gitops teardown does",
    ),
    "S003": Code(
        WARNING,
        "kubeconfig for whatever region is set",
        "another shell finds another cluster, under a name that is an ARN",
        "give --region and --alias",
    ),
    "S004": Code(ERROR, "context that nothing makes", "kubectl refuses it", "give update-kubeconfig that --alias"),
    "S005": Code(
        ERROR,
        "credential printed",
        "who reads the log has the cluster until it expires",
        "pipe it, or keep it in a variable",
    ),
    "S006": Code(
        ERROR,
        "access by aws-auth",
        "one wrong line locks everybody out, and a fixed name hides who acted",
        "aws eks create-access-entry, of a role",
    ),
    "S007": Code(
        ERROR,
        "applied from an address",
        "whoever controls it controls the cluster, and each run fetches it anew",
        "copy it into the repository, at a commit",
    ),
    "S008": Code(
        WARNING, "object made by hand", "a second run fails, and git does not have it", "write it into an overlay"
    ),
    "S009": Code(
        WARNING,
        "applied and not waited for",
        "the script is green while the pods never start",
        "kubectl rollout status, or gitops deploy",
    ),
    "S010": Code(
        ERROR,
        "identity changed by aws configure",
        "every later command acts as that user, with a key that does not expire",
        "kubectl auth can-i --as --as-group; a named profile of a role",
    ),
    "S011": Code(
        ERROR,
        "NetworkPolicy before what enforces it",
        "until then everything is allowed, and a test of it says nothing",
        "turn the enforcer on first",
    ),
    "S012": Code(
        WARNING, "object typed into a shell", "git does not have it, and nothing checks it", "keep it in a file"
    ),
    "S013": Code(
        WARNING, "everything that lies there is committed", "a key that was pushed is known for good", "name the files"
    ),
    "S014": Code(WARNING, "remote that is there already", "git refuses it", "git remote set-url origin URL"),
    "S015": Code(
        WARNING,
        "download that nothing checks",
        "whoever controls that address decides what runs in the build",
        "sha256sum --check, with the hash kept in the repository",
    ),
    "D001": Code(ERROR, "link to a file that is not there", "the reader finds nothing", "correct the link"),
    "D002": Code(ERROR, "term that AWS does not have", "the reader looks for it in vain", "use AWS's own"),
}
"""Code -> what it means. Letters: K kustomization, O object, I image, P Pod Security, R RBAC, N network, H, A scaling,
F references, W workloads, L logging and monitoring agents, C CloudFormation and CloudWatch, S scripts, D documents."""
