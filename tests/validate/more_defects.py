"""Planted defects whose fields are of the right type: values, contradictions, ports, disruption, rights, secrets."""

from tests.validate.repository import SOUND, Defect, workload

BUDGET = """\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: app, namespace: shop}
spec:
  LEAST
  selector:
    matchLabels: {app: app}
"""
CRON_JOB = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: shop}
spec:
  schedule: '0 2 * * *'
  jobTemplate:
    spec:
      activeDeadlineSeconds: 60
      ttlSecondsAfterFinished: 60
      template:
        spec:
          restartPolicy: Never
          securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
          containers:
            - name: load
              image: registry.example/busybox@sha256:1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a
              resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 16Mi}}
              securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: app
  namespace: shop
spec:
  ingressClassName: alb
  rules:
    - http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: app
                port:
                  number: 8080
"""
SCALER = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: app, namespace: shop}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: app
  minReplicas: 2
  maxReplicas: 5
  metrics:
    - type: ContainerResource
      containerResource:
        name: cpu
        container: app
        target: {type: Utilization, averageUtilization: 50}
  behavior: {scaleDown: {stabilizationWindowSeconds: 300}}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: two, namespace: shop}
spec:
  selector: {app: app}
  type: ClusterIP
  ports:
    - port: 8080
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: some, namespace: shop}
spec:
  podSelector: {}
"""
SPREAD = """\
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: topology.kubernetes.io/zone
          whenUnsatisfiable: DoNotSchedule
          labelSelector: {matchLabels: {app: other}}
"""
RIGHTS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: agent}
rules:
  - apiGroups: [""]
    resources: [secrets]
    verbs: [get, list]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: agent}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: agent
subjects:
  - kind: Group
    apiGroup: rbac.authorization.k8s.io
    name: operators
"""


def settings(line: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: more, namespace: shop}}\ndata:\n  {line}\n"


def in_container(lines: str) -> str:
    return workload("          readinessProbe:\n", f"{lines}          readinessProbe:\n")


def in_pod(lines: str) -> str:
    return workload("      containers:\n", f"{lines}      containers:\n")


def in_spec(line: str) -> str:
    return workload("spec:\n  selector", f"spec:\n  {line}\n  selector")


def replicas(number: int) -> dict[str, str]:
    return {
        "sound.yaml": SOUND.replace(
            "spec:\n  selector:\n    matchL", f"spec:\n  replicas: {number}\n  selector:\n    matchL"
        )
    }


def account(arn: str) -> str:
    return f"apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: two\n  namespace: shop\n  annotations:\n    eks.amazonaws.com/role-arn: {arn}\n"


REFUSED = [
    # Values
    Defect("schedule-of-25-h", CRON_JOB.replace("'0 2 * * *'", "'0 25 * * *'  #! O013")),
    Defect("schedule-of-4-fields", CRON_JOB.replace("'0 2 * * *'", "'0 2 * *'  #! O013")),
    Defect("schedule-on-day-7", CRON_JOB.replace("'0 2 * * *'", "'0 2 * * 7'  #! O013")),
    Defect("schedule-backwards", CRON_JOB.replace("'0 2 * * *'", "'0 18-8 * * *'  #! O013")),
    Defect("schedule-every-0", CRON_JOB.replace("'0 2 * * *'", "'*/0 2 * * *'  #! O013")),
    Defect("time-zone", CRON_JOB.replace("'0 2 * * *'", "'0 2 * * *'\n  timeZone: Asia/Soul  #! O013")),
    Defect("pull-policy", in_container("          imagePullPolicy: Allways  #! O013\n")),
    Defect("protocol", workload("containerPort: 8080", "containerPort: 8080\n              protocol: tcp  #! O013")),
    Defect("service-type", SERVICE.replace("ClusterIP", "LoadBalancr  #! O013")),
    Defect("port-too-high", SERVICE.replace("- port: 8080", "- targetPort: http\n      port: 80800  #! O013")),
    Defect("spread-with-a-typo", in_pod(SPREAD.replace("DoNotSchedule", "DoNotShedule  #! O013"))),
    Defect("label-with-a-space", workload("    metadata:\n      labels:", "    metadata:\n      labels:  #! O013\n        team: my team")),
    Defect("network-of-33-bits", POLICY + "  policyTypes: [Ingress]\n  ingress:\n    - from:\n        - ipBlock:\n            cidr: 10.0.0.0/33  #! O013\n"),
    Defect("network-without-mask", POLICY + "  policyTypes: [Ingress]\n  ingress:\n    - from:\n        - ipBlock:\n            cidr: 10.0.0.1  #! O013\n"),
    Defect("policy-type", POLICY + "  policyTypes: [ingress]  #! O013\n"),
    Defect("path-without-slash", INGRESS.replace("path: /", "path: api  #! O013")),
    # Contradictions
    Defect("job-that-restarts", CRON_JOB.replace("restartPolicy: Never", "restartPolicy: Always  #! O014")),
    Defect("job-without-restart-policy", CRON_JOB.replace("          restartPolicy: Never\n", "").replace("        spec:\n          sec", "        spec:  #! O014\n          sec")),
    Defect("deployment-that-ends", in_pod("      restartPolicy: Never  #! O014\n")),
    Defect("variable-twice", in_container("          env:\n            - name: MODE\n              value: a\n            - name: MODE  #! O014\n              value: b\n")),
    Defect("mount-twice", in_container("          volumeMounts:\n            - {name: tmp, mountPath: /tmp}\n            - {name: tmp, mountPath: /tmp}  #! O014\n").replace("      containers:", "      volumes: [{name: tmp, emptyDir: {}}]\n      containers:")),
    Defect("volume-twice", in_pod("      volumes:\n        - {name: tmp, emptyDir: {}}\n        - {name: tmp, emptyDir: {}}  #! O014\n")),
    Defect("recreate-and-rolling", in_spec("strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}  #! O014")),
    Defect("nothing-may-move", in_spec("strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}  #! O014")),
    Defect("ports-without-names", SERVICE + "      name: one\n    - port: 9090  #! O014\n      targetPort: 8080\n"),
    Defect("port-twice", SERVICE + "      name: one\n    - port: 8080  #! O014\n      name: two\n"),
    Defect("budget-with-both", BUDGET.replace("LEAST", "minAvailable: 1  #! O014\n  maxUnavailable: 1"), files=replicas(2)),
]  # fmt: skip
"""What an API server refuses: a test asks one."""

MORE_DEFECTS = [
    *REFUSED,
    Defect("selector-of-both", workload().replace("app: other", "app: app").replace("  selector:\n", "  selector:  #! O015\n")),
    Defect("short-digest", workload("1a" * 32, "1a" * 31 + "  #! I008")),
    Defect("mounted-image-by-tag", in_pod("      volumes:\n        - name: model\n          image:\n            reference: registry.example/model:latest  #! I001\n")),
    Defect("cluster-admin", RIGHTS.partition("---\n")[2].replace("  name: agent\nsub", "  name: cluster-admin  #! R011\nsub")),
    Defect("anybody", RIGHTS.partition("---\n")[2].replace("name: operators", "name: system:unauthenticated  #! R012").replace("  name: agent\nsub", "  name: view\nsub")),
    Defect("rights-to-rights", RIGHTS.partition("---\n")[0].replace('[""]', "[rbac.authorization.k8s.io]").replace("[secrets]", "[clusterroles]").replace("[get, list]", "[escalate]  #! R013")),
    Defect("all-secrets", RIGHTS.replace("[secrets]", "[secrets]  #! R014")),
    Defect("scaler-of-another-container", SCALER.replace("container: app", "container: backend  #! H007")),
    Defect("two-scalers", SCALER + "---\n" + SCALER.replace("{name: app,", "{name: app2,").replace("    name: app\n", "    name: app  #! H008\n")),
    Defect("probe-at-another-name", workload("              port: http", "              port: web  #! F010")),
    Defect("probe-at-another-number", workload("              port: http", "              port: 9999  #! F011")),
    Defect("ingress-to-no-service", INGRESS.replace("name: app\n                port", "name: apps  #! F012\n                port")),
    Defect("ingress-to-no-port", INGRESS.replace("number: 8080", "name: web  #! F012")),
    Defect("ingress-by-annotation", INGRESS.replace("spec:\n  ingressClassName: alb", "  annotations:\n    kubernetes.io/ingress.class: alb  #! O006\nspec:")),
    Defect("stateful-set-without-service", in_spec("serviceName: nowhere  #! F013").replace("kind: Deployment", "kind: StatefulSet")),
    Defect("binding-of-no-policy", "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: images}\nspec:\n  policyName: imagse  #! F014\n  validationActions: [Deny]\n"),
    Defect("budget-of-all", BUDGET.replace("LEAST", "minAvailable: 100%  #! W010")),
    Defect("budget-of-none", BUDGET.replace("LEAST", "maxUnavailable: 0  #! W010")),
    Defect("budget-of-as-many", BUDGET.replace("LEAST", "minAvailable: 2  #! W010"), files=replicas(2)),
    Defect("budget-that-rounds-up", BUDGET.replace("LEAST", "minAvailable: 60%  #! W010"), files=replicas(2)),
    Defect("budget-of-the-fewest", BUDGET.replace("LEAST", "minAvailable: 2  #! W010") + "---\n" + SCALER),
    Defect("spread-of-others", in_pod(SPREAD.replace("labelSelector: {matchLabels: {app: other}}", "labelSelector: {matchLabels: {app: othre}}  #! W011"))),
    Defect("old-label-of-zones", in_pod(SPREAD.replace("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone  #! W012"))),
    Defect("old-label-of-systems", in_pod("      nodeSelector:\n        beta.kubernetes.io/os: linux  #! W012\n")),
    Defect("no-grace", in_container("          lifecycle:\n            preStop:\n              sleep:\n                seconds: 45  #! W013\n")),
    Defect("arn-of-11-digits", account("arn:aws:iam::11112222333:role/app  #! W014")),
    Defect("password-in-a-config-map", settings("DB_PASSWORD: hunter2  #! W005")),
    Defect("password-in-a-url", settings("URL: postgres://app:hunter2@db.internal/shop  #! W005")),
    Defect("secret-in-git", "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\nstringData:  #! W005\n  password: hunter2\n"),
    Defect("dns-of-a-namespace-by-another-label", POLICY + "  policyTypes: [Egress]  #! N002\n  egress:\n    - to: [{namespaceSelector: {matchLabels: {name: kube-system}}}]\n      ports: [{protocol: UDP, port: 53}]\n"),
]  # fmt: skip

_CANARY = workload("      app: other\n", "      app: other\n      track: canary\n").replace(
    "        app: other\n", "        app: other\n        track: canary\n"
)
_SIDECAR = """\
      initContainers:
        - name: side
          restartPolicy: Always
          image: registry.example:5000/team/side@sha256:1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a
          resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {memory: 1Mi}}
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""
ODD = [
    *(Defect(f"schedule-{number}", CRON_JOB.replace("'0 2 * * *'", text)) for number, text in enumerate((
        "'*/15 8-18/2 1,15 JAN-mar mon-fri'", "'@every 1h30m'", "'@daily'\n  timeZone: Etc/UTC", "'0 2 ? * 0,6'", "'5/10 * * * *'",
    ))),
    Defect("names-about-secrets", settings(
        "TOKEN_TTL: '3600'\n  PASSWORD_FILE: /run/secrets/db\n  SECRET_NAME: db\n  API_KEY_HEADER: x-api-key\n"
        "  REQUIRE_PASSWORD: 'true'\n  URL: https://user@host/x\n  DSN: postgres://app:${PASSWORD}@db/shop\n  DEV: postgres://app:app@localhost:5432/shop\n"
        "  DOC: 'see https://example.com:8443/path@v2'\n  DB_SECRET: arn:aws:secretsmanager:eu-west-1:111122223333:secret:db"
    )),
    Defect("no-port-declared", workload("          ports:\n            - name: http\n              containerPort: 8080\n", "").replace("port: http", "port: 8080")),
    Defect("probe-by-grpc", workload("            httpGet:\n              path: /health\n              port: http\n", "            grpc: {port: 9000}\n")),
    Defect("one-number-two-protocols", SERVICE + "      name: one\n    - port: 8080\n      name: two\n      protocol: UDP\n"),
    Defect("no-ports-no-pods", SERVICE.replace("  type: ClusterIP\n  ports:\n    - port: 8080\n", "  clusterIP: None\n") + "---\n" + SERVICE.partition("spec:")[0].replace("two", "three") + "spec: {type: ExternalName, externalName: db.example.com}\n"),
    Defect("ingress-by-an-action", INGRESS.replace("name: app\n                port:\n                  number: 8080", "name: redirect\n                port:\n                  name: use-annotation")),
    Defect("ingress-to-a-resource", INGRESS.partition("  ingressClass")[0] + "  defaultBackend:\n    resource: {apiGroup: example.com, kind: Bucket, name: assets}\n"),
    Defect("budget-of-half", BUDGET.replace("LEAST", "minAvailable: 50%"), files=replicas(2)),
    Defect("budget-below-the-fewest", BUDGET.replace("LEAST", "minAvailable: 1") + "---\n" + SCALER),
    Defect("canary", _CANARY + "---\n" + _CANARY.replace("canary", "stable").replace("  name: other\n", "  name: stable\n")),
    Defect("labels", workload("      labels:\n", "      labels:\n        example.com/x: ''\n        v: 1.2_3-a\n")),
    Defect("recreate", in_spec("strategy: {type: Recreate, rollingUpdate: null}")),
    Defect("one-goes-first", in_spec("strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}")),
    *(Defect(f"dns-{number}", POLICY + f"  policyTypes: [Egress]\n  egress:\n    - to: [{peer}]\n      ports: [{{protocol: UDP, port: 53}}]\n") for number, peer in enumerate((
        "{ipBlock: {cidr: 169.254.20.10/32}}", "{namespaceSelector: {}}",
        "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}",
        "{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [kube-system]}]}, podSelector: {matchExpressions: [{key: k8s-app, operator: In, values: [kube-dns]}]}}",
    ))),
    Defect("networks", POLICY + "  policyTypes: [Ingress]\n  ingress:\n    - from: [{ipBlock: {cidr: '2001:db8::/32'}}, {ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]\n      ports: [{port: 8000, endPort: 9000}]\n"),
    Defect("role-of-a-partition", account("arn:aws-us-gov:iam::111122223333:role/path/app")),
    Defect("anchors", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: more\n  namespace: shop\n  labels: &same {app: more}\n  annotations:\n    <<: *same\n    two: x\ndata: {A: b}\n"),
    Defect("sidecar", in_pod(_SIDECAR)),
    Defect("two-paths-of-a-volume", in_container("          volumeMounts:\n            - {name: tmp, mountPath: /tmp/a, subPath: a}\n            - {name: tmp, mountPath: /tmp/b, subPath: b}\n").replace("      containers:", "      volumes: [{name: tmp, emptyDir: {}}]\n      containers:")),
    Defect("a-list", "apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: more, namespace: shop}\n    data: {A: b}\n"),
    Defect("secret-by-name", RIGHTS.partition("---\n")[0].replace("[secrets]", "[secrets]\n    resourceNames: [db]").replace("[get, list]", "[get]")),
    Defect("stateful-set-without-name", workload().replace("kind: Deployment", "kind: StatefulSet")),
    Defect("spread", in_pod(SPREAD.replace("          label", "          matchLabelKeys: [pod-template-hash]\n          label"))),
    Defect("tolerations", in_pod("      tolerations: [{operator: Exists}, {key: a, value: b, effect: NoExecute, tolerationSeconds: 30}]\n")),
]  # fmt: skip
"""Odd, and right."""
