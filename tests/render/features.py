"""Kustomization fields in small: combined in pairs, they show where two transformations meet."""

from tests.render.trees import Tree

_BASE = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {tier: front}
  annotations: {note: "1"}
spec:
  replicas: 1
  selector: {matchLabels: {run: web}}
  template:
    metadata: {labels: {run: web}}
    spec:
      serviceAccountName: runner
      containers:
        - name: main
          image: example.com/web:1.0
          ports: [{containerPort: 80}]
          envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: keys}}]
          env:
            - {name: HOST, value: web.local}
            - name: TOKEN
              valueFrom: {secretKeyRef: {name: keys, key: token}}
      volumes:
        - {name: conf, configMap: {name: settings}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {run: web}, ports: [{port: 80, targetPort: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: runner}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: bind}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: runner, namespace: default}, {kind: ServiceAccount, name: default}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [configmaps], resourceNames: [settings], verbs: [get]}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 1, maxReplicas: 3}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tidy}
spec:
  schedule: "0 * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          containers: [{name: tidy, image: "example.com/tidy", args: ["$(SVC) $(CONF)"], envFrom: [{configMapRef: {name: settings}}]}]
"""
_KUSTOMIZATION = """
resources: [all.yaml]
configMapGenerator: [{name: settings, literals: [a=1, b=two]}]
secretGenerator: [{name: keys, literals: [token=secret]}]
"""

FEATURES: dict[str, tuple[str, dict[str, str]]] = {
    "namespace": ("namespace: shop", {}),
    "namePrefix": ("namePrefix: pre-", {}),
    "nameSuffix": ("nameSuffix: -post", {}),
    "labels": ("labels: [{pairs: {team: blue}}]", {}),
    "labelsWithSelectors": ("labels: [{pairs: {team: red, tier: back}, includeSelectors: true}]", {}),
    "labelsWithTemplates": ("labels: [{pairs: {team: green}, includeTemplates: true}]", {}),
    "commonLabels": ("commonLabels: {app: shop, tier: all}", {}),
    "commonAnnotations": ("commonAnnotations: {note: common, owner: me}", {}),
    "images": (
        "images: [{name: example.com/web, newName: mirror/web, newTag: '2.0'}, {name: example.com/tidy, digest: 'sha256:abc'}]",
        {},
    ),
    "replicas": ("replicas: [{name: web, count: 5}]", {}),
    "merge": (
        "patches: [{path: merge.yaml}]",
        {
            "merge.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {tier: merged}}\nspec: {template: {metadata: {labels: {run: other}}, spec: {containers: [{name: side, image: 'side:1'}, {name: main, env: [{name: HOST, value: merged}]}]}}}\n"
        },
    ),
    "mergeByTarget": (
        "patches: [{target: {kind: 'Deployment|CronJob'}, patch: '{apiVersion: x/v1, kind: Any, metadata: {name: any, annotations: {note: null, by: target}}}'}]",
        {},
    ),
    "operations": (
        'patches: [{target: {kind: Deployment, name: w.*}, patch: \'[{"op": "replace", "path": "/spec/replicas", "value": 9}, {"op": "add", "path": "/metadata/labels/team", "value": "ops"}]\'}]',
        {},
    ),
    "patchesStrategicMerge": (
        "patchesStrategicMerge: [old.yaml]",
        {
            "old.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web, labels: {old: 'yes'}}\nspec: {ports: [{port: 81, name: more}]}\n"
        },
    ),
    "patchesJson6902": (
        "patchesJson6902: [{target: {version: v1, kind: Service, name: web}, path: ops.yaml}]",
        {"ops.yaml": "- op: add\n  path: /spec/type\n  value: NodePort\n"},
    ),
    "generatorMerge": ("configMapGenerator: [{name: settings, behavior: merge, literals: [b=three, c=4]}]", {}),
    "generatorReplace": ("secretGenerator: [{name: keys, behavior: replace, literals: [token=new], type: Opaque}]", {}),
    "generatorNew": (
        "configMapGenerator: [{name: more, files: [data.txt], envs: [vars.env], options: {labels: {gen: 'yes'}, immutable: true}}]\ngeneratorOptions: {annotations: {made: here}}",
        {"data.txt": "some <text> & more\n", "vars.env": "# note\nONE=1\nTWO = 2\nTHREE\n"},
    ),
    "replacements": (
        "replacements: [{source: {kind: Service, name: web, fieldPath: metadata.name}, targets: [{select: {kind: Deployment}, fieldPaths: ['spec.template.spec.containers.[name=main].env.[name=HOST].value'], options: {delimiter: '.', index: 0}}]}]",
        {},
    ),
    "component": (
        "components: [part]",
        {
            "part/kustomization.yaml": 'apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [extra.yaml]\npatches: [{target: {kind: Service}, patch: \'[{"op": "add", "path": "/metadata/annotations", "value": {"part": "in"}}]\'}]\nnameSuffix: -c\n',
            "part/extra.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {k: v}\n",
        },
    ),
    "vars": (
        "vars: [{name: SVC, objref: {kind: Service, name: web, apiVersion: v1}}, {name: CONF, objref: {kind: ConfigMap, name: settings, apiVersion: v1}}]",
        {},
    ),
    "sortOptions": ("sortOptions: {order: fifo}", {}),
    "sortFirst": (
        "sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Service, Deployment], orderLast: [Namespace]}}",
        {},
    ),
    "managedBy": ("buildMetadata: [managedByLabel]", {}),
    "origins": ("buildMetadata: [originAnnotations]", {}),
    "transformations": ("buildMetadata: [transformerAnnotations, originAnnotations]", {}),
    "crds": (
        "crds: [types.json]",
        {
            "types.json": '{"x.Ingress": {"Schema": {"properties": {"apiVersion": {}, "kind": {}, "metadata": {}, "spec": {"$ref": "x.Spec"}}}}, "x.Spec": {"Schema": {"properties": {"made": {"x-kubernetes-label-selector": ""}, "rules": {"$ref": "x.Rule"}}}}, "x.Rule": {"Schema": {"properties": {"host": {"x-kubernetes-identity": ""}, "http": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "ConfigMap", "x-kubernetes-object-ref-name-key": "conf"}}}}}'
        },
    ),
    "configurations": (
        "configurations: [conf.yaml]",
        {
            "conf.yaml": "namePrefix: [{path: metadata/annotations/note, kind: Deployment}]\ncommonLabels: [{path: spec/extraLabels, kind: Service, create: true}]\nnameReference: [{kind: Service, version: v1, fieldSpecs: [{path: spec/template/spec/containers/env/value, kind: Deployment}]}]\nimages: [{path: spec/image, kind: Service}]\n"
        },
    ),
}
"""Field -> what a kustomization says, and the files that belong to it."""


def _overlay(name: str, folder: str, below: str) -> dict[str, str]:
    text, files = FEATURES[name]
    found = {f"{folder}/{path}": content for path, content in files.items()}
    return found | {f"{folder}/kustomization.yaml": f"resources: [{below}]\n{text}\n"}


def _base() -> dict[str, str]:
    return {"base/all.yaml": _BASE, "base/kustomization.yaml": _KUSTOMIZATION}


def _both(first: str, second: str) -> dict[str, str]:
    texts = [FEATURES[name][0] for name in (first, second)]
    found = {path: content for name in (first, second) for path, content in FEATURES[name][1].items()}
    return _base() | found | {"kustomization.yaml": "resources: [base]\n" + "\n".join(texts) + "\n"}


def _field(name: str) -> set[str]:
    return {line.partition(":")[0] for line in FEATURES[name][0].splitlines()}


def pairs() -> list[Tree]:
    """Each feature alone; each two in one kustomization; and each two in layers, in both orders."""
    names = list(FEATURES)
    found = []
    for index, first in enumerate(names):
        found.append(
            Tree(
                first, "", _base() | {"kustomization.yaml": "resources: [only]\n"} | _overlay(first, "only", "../base")
            )
        )
        for second in names[index + 1 :]:
            if not _field(first) & _field(second):
                found.append(Tree(f"{first}+{second}", "", _both(first, second)))
            for low, high in ((first, second), (second, first)):
                files = _base() | _overlay(low, "middle", "../base") | _overlay(high, "top", "../middle")
                found.append(Tree(f"{low}<{high}", "", files | {"kustomization.yaml": "resources: [top]\n"}))
    return found
