"""Planted defects: the field notes' own, and others. Each stands in a sound repository and must be the only finding."""

from tests.validate.more_defects import MORE_DEFECTS
from tests.validate.other_files import OTHER_FILES
from tests.validate.repository import KUSTOMIZATION, SOUND, Defect, workload

ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: reader
  namespace: shop
rules:
  - apiGroups: [RULE_GROUP]
    resources: [RULE_RESOURCE]
    verbs: [get]
"""


def role(group: str, resource: str) -> str:
    return ROLE.replace("RULE_GROUP]", group).replace("RULE_RESOURCE]", resource)


BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: readers
  namespace: shop
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: view
subjects:
  - kind: Group
    apiGroup: rbac.authorization.k8s.io
    name: readers
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: default-deny
  namespace: shop
spec:
  podSelector:
    matchLabels: {}
"""
DNS = """\
  egress:
    - ports:
        - protocol: UDP
          port: 53
"""
HPA = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: app
  namespace: shop
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: app
  minReplicas: 2
  maxReplicas: 5
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: 50
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
"""
AUTOSCALER = workload(
    "          image: registry.example/app:1.0@sha256:" + "1a" * 32,
    "          image: registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.1@sha256:"
    + "1a" * 32
    + "\n          COMMAND",
)
JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: load
  namespace: shop
spec:
  activeDeadlineSeconds: 60
  ttlSecondsAfterFinished: 60
  template:
    spec:
      restartPolicy: Never
      securityContext:
        runAsNonRoot: true
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: load
          image: registry.example/busybox@sha256:1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a
          command:
            - sh
            - -c
            - COMMAND
          resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 16Mi}}
          securityContext:
            allowPrivilegeEscalation: false
            capabilities: {drop: [ALL]}
"""


def config_map(name: str, text: str) -> str:
    """A ConfigMap whose one key holds `text`, as a block."""
    block = "".join(f"    {line}\n" if line else "\n" for line in text.splitlines())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: agent\n  namespace: shop\ndata:\n  {name}: |\n{block}"


TAIL = """\
[INPUT]
    Name tail
    Tag application.*
    Path /var/log/containers/*.log
    Exclude_Path /var/log/containers/fluent-bit*
    multiline.parser docker, cri
"""
OUTPUT = """\
[OUTPUT]
    Name cloudwatch_logs
    Match *
    region eu-west-1
    log_group_name /aws/x
    log_stream_prefix a-
    auto_create_group false
"""
IMAGES = KUSTOMIZATION + "images:\n"
SOUND_PLACEHOLDER = SOUND.replace("image: registry.example/app:1.0@sha256:" + "1a" * 32, "image: app-image")
ENTRY = """\
  - name: app-image
    newName: registry.example/shop/app
    newTag: "1.0"
    digest: sha256:1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a
"""


def images(entry: str) -> dict[str, str]:
    return {"kustomization.yaml": IMAGES + entry, "sound.yaml": SOUND_PLACEHOLDER}


def kustomization(extra: str) -> dict[str, str]:
    return {"kustomization.yaml": KUSTOMIZATION + extra}


GADGET = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.invalid}
spec:
  group: example.invalid
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [size]
              properties: {size: {type: integer}, mode: {type: string}}
---
apiVersion: example.invalid/v1
kind: Gadget
metadata: {name: one, namespace: shop}
"""

DEFECTS = [
    # Kustomizations
    Defect(
        "bases",
        files={
            "kustomization.yaml": KUSTOMIZATION + "bases:  #! K002\n  - ../base\n",
            "../base/kustomization.yaml": "kind: Kustomization\nresources: []\nnamePrefix: a-\n",
        },
    ),
    Defect("common-labels", files=kustomization("commonLabels:  #! K002\n  team: shop\n")),
    Defect(
        "patches-strategic-merge",
        files={
            **kustomization("patchesStrategicMerge:  #! K002\n  - patch.yaml\n"),
            "patch.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: app, namespace: shop}\nautomountServiceAccountToken: false\n",
        },
    ),
    Defect(
        "patches-as-file-names", files={**kustomization("patches:\n  - patch.yaml  #! K010\n"), "patch.yaml": "a: b\n"}
    ),
    Defect(
        "remote-resource",
        files={"kustomization.yaml": KUSTOMIZATION + "  - https://example.invalid/components.yaml  #! K003\n"},
    ),
    Defect("missing-file", files={"kustomization.yaml": KUSTOMIZATION + "  - nowhere.yaml  #! K013\n"}),
    Defect(
        "image-name-with-a-typo",
        files=images(ENTRY + '  - name: app-imgae  #! K004\n    newTag: "2"\n    digest: sha256:' + "2b" * 32 + "\n"),
    ),
    Defect(
        "placeholder-left",
        files={"sound.yaml": SOUND_PLACEHOLDER.replace("image: app-image", "image: app-image  #! K005")},
    ),
    Defect("not-released", files=images(ENTRY.replace("1a" * 32, "0" * 64).replace("0" * 64, "0" * 64 + "  #! K006"))),
    Defect(
        "unquoted-numeric-tag",
        files=images("  - name: app-image\n    newName: registry.example/shop/app\n    newTag: 1.10  #! K007\n"),
    ),
    Defect(
        "unquoted-date-tag",
        files=images("  - name: app-image\n    newName: registry.example/shop/app\n    newTag: 20260101  #! K007\n"),
    ),
    Defect(
        "latest-in-images",
        files=images(
            "  - name: app-image\n    newName: registry.example/shop/app\n    newTag: latest  #! K008, I001\n"
        ),
    ),
    Defect(
        "images-name-as-pattern",
        files=images(ENTRY + '  - name: a.*e  #! K009\n    newTag: "2"\n    digest: sha256:' + "1a" * 32 + "\n"),
    ),
    Defect(
        "labels-in-selectors",
        files=kustomization("labels:\n  - pairs: {team: shop}\n    includeSelectors: true  #! K011\n"),
    ),
    Defect(
        "no-hash-in-generated-names",
        files=kustomization(
            "configMapGenerator:\n  - name: more\n    namespace: shop\n    literals: [A=b]\ngeneratorOptions:\n  disableNameSuffixHash: true  #! K012\n"
        ),
    ),
    Defect(
        "secret-generator-literals",
        files=kustomization(
            "secretGenerator:\n  - name: db\n    namespace: shop\n    literals: [password=x]  #! K016\n"
        ),
    ),
    Defect(
        "key-given-twice",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: two\n  namespace: shop\n  name: three  #! K014\n",
    ),
    # Objects
    Defect(
        "metadata-is-null",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:  #! O004\nname: cwagentconfig\nnamespace: shop\ndata: {}\n",
    ),
    Defect("unknown-field", workload("      serviceAccountName: app\n", "      serviceAcountName: app  #! O001\n")),
    Defect("wrong-type", workload("spec:\n  selector", 'spec:\n  minReadySeconds: "10"  #! O002\n  selector')),
    Defect("wrong-quantity", workload("memory: 64Mi", "memory: 64MB  #! O002")),
    Defect(
        "required-field-missing",
        workload(
            "            - name: http\n              containerPort: 8080\n", "            - protocol: TCP  #! O003\n"
        ).replace("port: http", "port: 8080"),
    ),
    Defect(
        "removed-cron-job",
        "apiVersion: batch/v1beta1  #! O005\nkind: CronJob\nmetadata: {name: nightly, namespace: shop}\nspec: {schedule: '0 1 * * *', jobTemplate: {}}\n",
    ),
    Defect("removed-autoscaler", HPA.replace("autoscaling/v2", "autoscaling/v2beta2  #! O005")),
    Defect(
        "removed-extensions-deployment",
        workload("apps/v1", "extensions/v1beta1  #! O005").replace("#! O005", "#! O005", 1),
    ),
    Defect("deprecated-endpoints", "apiVersion: v1  #! O006\nkind: Endpoints\nmetadata: {name: db, namespace: shop}\n"),
    Defect("unknown-kind", "apiVersion: apps/v1\nkind: Deploymnet  #! O007\nmetadata: {name: typo, namespace: shop}\n"),
    Defect("custom-field-unknown", GADGET + "spec:\n  size: 1\n  colour: red  #! O001\n"),
    Defect("custom-wrong-type", GADGET + "spec:\n  size: large  #! O002\n"),
    Defect("custom-field-missing", GADGET + "spec:  #! O003\n  mode: fast\n"),
    Defect("no-namespace", "apiVersion: v1\nkind: ServiceAccount\nmetadata:  #! O009\n  name: nowhere\n"),
    Defect(
        "namespace-that-nothing-makes",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: elsewhere\n  namespace: shpo  #! O010\n",
    ),
    Defect(
        "selector-does-not-match",
        workload("      app: other\n  template", "      app: another  #!\n  template")
        .replace("  selector:\n", "  selector:  #! O011\n")
        .replace("  #!\n", "\n"),
    ),
    Defect(
        "name-with-capitals",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: appSettings  #! O012\n  namespace: shop\n",
    ),
    Defect(
        "name-with-a-slash",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: read/pods  #! O012\n  namespace: shop\nrules: []\n",
    ),
    Defect(
        "service-with-a-dot",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: app.two  #! O012\n  namespace: shop\nspec: {type: ExternalName, externalName: example.invalid}\n",
    ),
    # Images
    Defect(
        "nginx-latest",
        workload(
            "image: registry.example/app:1.0@sha256:" + "1a" * 32, "image: registry.example/nginx:latest  #! I001"
        ),
    ),
    Defect(
        "untagged-busybox",
        workload("image: registry.example/app:1.0@sha256:" + "1a" * 32, "image: busybox  #! I001, I007"),
    ),
    Defect(
        "pulled-from-docker-hub",
        workload("registry.example/app:1.0@sha256:" + "1a" * 32, "bitnami/app:1.0@sha256:" + "1a" * 32 + "  #! I007"),
    ),
    Defect("tag-without-digest", workload("@sha256:" + "1a" * 32, "  #! I002")),
    Defect(
        "frozen-registry",
        workload(
            "registry.example/app:1.0@sha256:" + "1a" * 32,
            "k8s.gcr.io/cluster-proportional:v1@sha256:" + "1a" * 32 + "  #! I003",
        ),
    ),
    Defect(
        "book-autoscaler",
        workload(
            "registry.example/app:1.0@sha256:" + "1a" * 32, "k8s.gcr.io/cluster-autoscaler:v1.2.2  #! I002, I003, I004"
        ),
    ),
    Defect(
        "autoscaler-of-another-minor",
        AUTOSCALER.replace("v1.36.1@sha256:" + "1a" * 32, "v1.32.1@sha256:" + "1a" * 32 + "  #! I004").replace(
            "          COMMAND\n", ""
        ),
    ),
    Defect(
        "metrics-server-too-new",
        workload(
            "registry.example/app:1.0@sha256:" + "1a" * 32,
            "registry.k8s.io/metrics-server/metrics-server:v0.9.0@sha256:" + "1a" * 32 + "  #! I005",
        ),
        config=('"1.36"', '"1.33"'),
    ),
    Defect(
        "fluentd-image",
        workload(
            "registry.example/app:1.0@sha256:" + "1a" * 32,
            "fluent/fluentd-kubernetes-daemonset:v1.7.3-debian-cloudwatch-1.0  #! I002, I006, I007",
        ),
    ),
    # Pod Security
    Defect(
        "root-in-restricted",
        workload("        runAsNonRoot: true\n", "").replace(
            "          securityContext:\n", "          securityContext:  #! P001\n"
        ),
    ),
    Defect(
        "privilege-escalation", workload("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true  #! P001")
    ),
    Defect(
        "capabilities-kept",
        workload("            capabilities:\n              drop:\n                - ALL\n", "").replace(
            "          securityContext:\n", "          securityContext:  #! P001\n"
        ),
    ),
    Defect(
        "host-network",
        workload("      serviceAccountName", "      hostNetwork: true  #! P001\n      serviceAccountName"),
    ),
    Defect(
        "privileged",
        workload(
            "            allowPrivilegeEscalation: false",
            "            privileged: true  #! P001\n            allowPrivilegeEscalation: false",
        ),
    ),
    Defect("unlabelled-namespace", "apiVersion: v1\nkind: Namespace\nmetadata:  #! P003\n  name: open\n"),
    Defect(
        "level-without-version",
        files={
            "sound.yaml": SOUND.replace("    pod-security.kubernetes.io/enforce-version: v1.36\n", "").replace(
                "enforce: restricted", "enforce: restricted  #! P004"
            )
        },
    ),
    Defect(
        "enforce-only",
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: half\n  labels:  #! P006\n    pod-security.kubernetes.io/enforce: restricted\n    pod-security.kubernetes.io/enforce-version: v1.36\n",
    ),
    Defect(
        "warned-of",
        files={
            "sound.yaml": SOUND.replace("enforce: restricted", "enforce: baseline")
            .replace("            allowPrivilegeEscalation: false\n", "")
            .replace("          securityContext:\n", "          securityContext:  #! P002\n")
        },
    ),
    Defect(
        "pod-security-policy",
        "apiVersion: policy/v1beta1\nkind: PodSecurityPolicy  #! P005\nmetadata: {name: old}\nspec: {}\n",
    ),
    # RBAC
    Defect("pods-logs", role('""]', "pods/logs]  #! R001")),
    Defect("extensions-group", role("extensions]  #! R002", "deployments]")),
    Defect(
        "percent-in-group",
        BINDING.replace(
            "  - kind: Group\n    apiGroup: rbac.authorization.k8s.io",
            "  - kind: Group\n    apiGroup: rbac.authorization.k8s.io%  #! R003",
        ),
    ),
    Defect("percent-in-rule", role("apps%]  #! R002", "deployments]")),
    Defect("system-masters", BINDING.replace("    name: readers\n", "    name: system:masters  #! R004\n")),
    Defect("wildcard", role('""]', '"*"]  #! R005')),
    Defect(
        "nodes-proxy",
        'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: agent}\nrules:\n  - apiGroups: [""]\n    resources: [nodes/proxy]  #! R006\n    verbs: [get]\n',
    ),
    Defect("role-that-nothing-defines", BINDING.replace("  name: view", "  name: vieww  #! R007")),
    Defect("watch-on-log", role('""]', "pods/log]  #! R008").replace("[get]", "[get, watch]")),
    Defect(
        "account-that-nothing-defines",
        BINDING.replace(
            "  - kind: Group\n    apiGroup: rbac.authorization.k8s.io\n    name: readers",
            "  - kind: ServiceAccount\n    name: nobody  #! R009",
        ),
    ),
    # Network
    Defect("default-deny-without-types", POLICY.replace("spec:", "spec:  #! N001")),
    Defect("deny-egress-without-dns", POLICY + "  policyTypes: [Ingress, Egress]  #! N002\n"),
    Defect(
        "selectors-as-two-peers",
        POLICY
        + "  policyTypes: [Egress]\n  egress:\n    - ports: [{protocol: UDP, port: 53}]\n      to:  #! N003\n        - namespaceSelector: {}\n        - podSelector: {}\n",
    ),
    Defect(
        "policy-for-no-pod",
        POLICY.replace("matchLabels: {}", "matchLabels: {app: ServiceA}").replace(
            "  podSelector:", "  podSelector:  #! N004"
        )
        + "  policyTypes: [Ingress]\n",
    ),
    Defect(
        "policy-for-a-port-that-is-not-there",
        POLICY + "  policyTypes: [Ingress]\n  ingress:\n    - ports:\n        - port: 80  #! N005\n",
    ),
    Defect(
        "service-port-differs",
        POLICY + "  policyTypes: [Ingress]\n",
        files={"sound.yaml": SOUND.replace("- port: 8080", "- port: 80  #! N006")},
    ),
    # Scaling
    Defect(
        "replicas-and-autoscaler",
        HPA,
        files={
            "sound.yaml": SOUND.replace(
                "spec:\n  selector:\n    matchLabels", "spec:\n  replicas: 2  #! H001\n  selector:\n    matchLabels"
            )
        },
    ),
    Defect("autoscaler-without-target", HPA.replace("    name: app\n  min", "    name: ap  #! H002\n  min")),
    Defect(
        "autoscaler-without-request",
        HPA,
        files={
            "sound.yaml": SOUND.replace(
                "            requests:\n              cpu: 100m\n", "            requests:  #! H003\n"
            ).replace("          resources:\n", "          resources:  #! W001\n")
        },
    ),
    Defect(
        "autoscaling-v1",
        "apiVersion: autoscaling/v1  #! H004\nkind: HorizontalPodAutoscaler\nmetadata: {name: app, namespace: shop}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}\n  minReplicas: 2\n  maxReplicas: 5\n  targetCPUUtilizationPercentage: 50\n",
    ),
    Defect("fewest-above-most", HPA.replace("minReplicas: 2", "minReplicas: 9  #! H005")),
    Defect("no-behavior", HPA.partition("  behavior:")[0].replace("spec:", "spec:  #! H006")),
    Defect(
        "nodes-of-another-group",
        AUTOSCALER.replace(
            "COMMAND", "command:\n            - --nodes=2:5:eksctl-eks-work-nodegroup-NodeGroup-WFVQ9NBFZ0V3  #! A001"
        ),
    ),
    Defect(
        "discovery-of-another-cluster",
        AUTOSCALER.replace(
            "COMMAND",
            "command:\n            - --node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/eks-work  #! A002",
        ),
    ),
    Defect(
        "autoscaler-on-auto-mode",
        AUTOSCALER.replace("        - name: app\n", "        - name: app  #! A003\n").replace(
            "          COMMAND\n", ""
        ),
        config=('version: "1.36"', 'version: "1.36", autoMode: true'),
    ),
    Defect(
        "headroom-below-the-cutoff",
        "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: headroom}\nvalue: -100  #! A004\n",
    ),
    # References
    Defect("missing-config-map", workload("                name: settings", "                name: setings  #! F001")),
    Defect(
        "missing-secret",
        workload(
            "            - configMapRef:\n                name: settings",
            "            - secretRef:\n                name: db-config  #! F002",
        ),
    ),
    Defect("missing-account", workload("      serviceAccountName: app", "      serviceAccountName: ap  #! F003")),
    Defect(
        "service-for-no-pod",
        files={
            "sound.yaml": SOUND.replace(
                "spec:\n  selector:\n    app: app\n", "spec:\n  selector:  #! F004\n    app: apps\n"
            )
        },
    ),
    Defect(
        "budget-for-no-pod",
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: app, namespace: shop}\nspec:\n  maxUnavailable: 1\n  selector:  #! F004\n    matchLabels: {app: ap}\n",
    ),
    Defect(
        "missing-priority-class",
        workload(
            "      serviceAccountName: app", "      serviceAccountName: app\n      priorityClassName: high  #! F005"
        ),
    ),
    Defect(
        "missing-volume",
        workload(
            "          readinessProbe:",
            "          volumeMounts:\n            - name: tmp  #! F006\n              mountPath: /tmp\n          readinessProbe:",
        ),
    ),
    Defect(
        "service-to-a-port-that-is-not-there",
        files={"sound.yaml": SOUND.replace("      targetPort: http", "      targetPort: 9090  #! F007")},
    ),
    Defect(
        "missing-claim",
        workload(
            "      containers:",
            "      volumes:\n        - name: data\n          persistentVolumeClaim:\n            claimName: data  #! F008\n      containers:",
        ),
    ),
    Defect(
        "missing-key",
        workload(
            "          envFrom:\n            - configMapRef:\n                name: settings\n",
            "          env:\n            - name: A\n              valueFrom:\n                configMapKeyRef:\n                  name: settings  #! F009\n                  key: COLOUR\n",
        ),
    ),
    # Workloads
    Defect(
        "no-requests",
        workload("            requests:\n              cpu: 100m\n              memory: 64Mi\n", "").replace(
            "          resources:\n", "          resources:  #! W001\n"
        ),
    ),
    Defect(
        "no-readiness",
        workload(
            "          readinessProbe:\n            httpGet:\n              path: /health\n              port: http\n",
            "",
        ).replace("        - name: app\n", "        - name: app  #! W002\n"),
    ),
    Defect(
        "docker-socket",
        files={
            "sound.yaml": SOUND.replace("enforce: restricted", "enforce: privileged")
            .replace("audit: restricted", "audit: privileged")
            .replace("warn: restricted", "warn: privileged")
        },
        text=workload(
            "      containers:",
            "      volumes:\n        - name: docker\n          hostPath:\n            path: /var/run/docker.sock  #! W003\n      containers:",
        ),
    ),
    Defect(
        "no-memory-limit",
        workload("            limits:\n              memory: 64Mi\n", "").replace(
            "          resources:\n", "          resources:  #! W004\n"
        ),
    ),
    Defect(
        "password-in-the-environment",
        workload(
            "          envFrom:",
            "          env:\n            - name: DB_PASSWORD  #! W005\n              value: hunter2\n          envFrom:",
        ),
    ),
    Defect("wget-dash-zero", JOB.replace("COMMAND", "wget -q -0- -T 2 http://app:8080/health  #! W006")),
    Defect("wget-dash-zero-space", JOB.replace("COMMAND", "wget -q -T 3 -0 - http://servicea  #! W006")),
    Defect("curl-dash-zero", JOB.replace("COMMAND", "curl -0 https://example.invalid/fluentd.yaml  #! W006")),
    Defect("imgae", JOB.replace("COMMAND", "kubectl run load --imgae=busybox  #! W006")),
    Defect("logs-without-l", JOB.replace("COMMAND", "kubectl logs app=backend-app  #! W006")),
    Defect("wget-that-hangs", JOB.replace("COMMAND", "wget -q -O- http://servicea  #! W006")),
    Defect(
        "job-that-stays",
        JOB.replace("COMMAND", "exit 0")
        .replace("  ttlSecondsAfterFinished: 60\n", "")
        .replace("spec:\n  active", "spec:  #! W007\n  active"),
    ),
    Defect(
        "limit-below-request",
        workload(
            "            limits:\n              memory: 64Mi",
            "            limits:\n              memory: 32Mi  #! W009",
        ),
    ),
    # Agents
    Defect("fluent-bit-unknown-key", config_map("a.conf", TAIL + "    Mem_Buf_Limmit 5MB  #! L001\n")),
    Defect("fluent-bit-unknown-plugin", config_map("a.conf", TAIL.replace("Name tail", "Name tial  #! L001"))),
    Defect("fluent-bit-unknown-section", config_map("a.conf", TAIL + "[OUTPUTS]  #! L001\n    Name stdout\n")),
    Defect("fluent-bit-missing-include", config_map("a.conf", "@INCLUDE hosts.conf  #! L001\n" + TAIL)),
    Defect("groups-made-without-retention", config_map("a.conf", OUTPUT.replace("group false", "group true  #! L002"))),
    Defect(
        "agent-reads-itself",
        config_map(
            "a.conf",
            TAIL.replace("    Exclude_Path /var/log/containers/fluent-bit*\n", "").replace("*.log", "*.log  #! L003"),
        ),
    ),
    Defect(
        "docker-unit",
        config_map(
            "a.conf", "[INPUT]\n    Name systemd\n    Tag a\n    Systemd_Filter _SYSTEMD_UNIT=docker.service  #! L004\n"
        ),
    ),
    Defect(
        "var-log-messages",
        config_map("a.conf", "[INPUT]\n    Name tail\n    Tag host\n    Path /var/log/messages  #! L004\n"),
    ),
    Defect(
        "no-cri-parser",
        config_map(
            "a.conf", TAIL.replace("    multiline.parser docker, cri\n", "").replace("[INPUT]", "[INPUT]  #! L005")
        ),
    ),
    Defect(
        "fluentd-json-for-containers",
        config_map("a.conf", "<source>\n  path /var/log/containers/*.log\n  @type json  #! L005\n</source>\n"),
    ),
    Defect(
        "fluentd-kubeproxy",
        config_map("a.conf", '<source>\n  matches [{ "_SYSTEMD_UNIT": "kubeproxy.service" }]  #! L004\n</source>\n'),
    ),
    Defect(
        "agent-unknown-key",
        config_map("cwagentconfig.json", '{"logs": {"metrics_collected": {"kubernets": {}}}}  #! L006\n'),
    ),
    # The notes' own, in objects
    Defect(
        "nodes-certificates",
        files={
            "sound.yaml": SOUND.replace("enforce: restricted", "enforce: privileged")
            .replace("audit: restricted", "audit: privileged")
            .replace("warn: restricted", "warn: privileged")
        },
        text=workload(
            "      containers:",
            "      volumes:\n        - name: tls\n          hostPath:\n            path: /etc/ssl/certs/ca-bundle.crt  #! W008\n      containers:",
        ),
    ),
    Defect(
        "never-scales-down",
        AUTOSCALER.replace("COMMAND", "command:\n            - --scale-down-enabled=false  #! A005"),
    ),
    Defect(
        "aws-auth",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: aws-auth  #! R010\n  namespace: kube-system\ndata: {mapUsers: '[]'}\n"
        "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: kube-system\n  labels:\n"
        + "".join(
            f"    pod-security.kubernetes.io/{mode}: privileged\n    pod-security.kubernetes.io/{mode}-version: v1.36\n"
            for mode in ("enforce", "audit", "warn")
        ),
    ),
    Defect(
        "calico-with-its-own-network",
        workload(
            "          envFrom:",
            "          env:\n            - name: CALICO_NETWORKING_BACKEND  #! N007\n              value: vxlan\n          envFrom:",
        ).replace("  name: other\n", "  name: calico-node\n"),
    ),
    *MORE_DEFECTS,
    *OTHER_FILES,
]
