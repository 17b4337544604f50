"""Whatever stands in the files, `validate` answers with findings and never with a trace."""

import copy
import random
from typing import Any

import pytest
import yaml

from gitops.config import parse_config
from gitops.generate import generated_files
from gitops.objects import KubeObject
from gitops.validate import Overlay, validate
from gitops.validate.sources import Sources
from gitops.validate.stack_resources import resources_of
from gitops.validate.stack_templates import check_templates
from tests.generate.sample import sample_config
from tests.validate.defects import DEFECTS, HPA, JOB, POLICY, ROLE
from tests.validate.repository import CONFIG, KUSTOMIZATION, SOUND

ODD: list[Any] = [None, "text", "", 0, -1, 3.5, True, [], {}, [None], ["a"], {"a": None}, [[]], [{}], {"": {}}]
OVERLAY = "kustomize/overlays/prod"
FILES = {
    path: text
    for path, text in generated_files(sample_config()).items()
    if path.endswith(".yaml") and "pins" not in path
}


def spots(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            found.append((value, key))
            found += spots(value[key])
    return found


def broken(documents: list[Any], chance: random.Random) -> list[Any]:
    """A copy with up to three values replaced by odd ones."""
    documents = copy.deepcopy(documents)
    for _ in range(chance.randint(1, 3)):
        container, key = chance.choice(spots(documents))
        container[key] = copy.deepcopy(chance.choice(ODD))
    return documents


def objects_of(documents: list[Any]) -> tuple[KubeObject, ...]:
    """Those documents that kustomize would let through."""
    return tuple(
        KubeObject(body)
        for body in documents
        if isinstance(body, dict)
        and all(isinstance(body.get(key), str) and body[key] for key in ("apiVersion", "kind"))
        and isinstance(body.get("metadata"), dict)
        and isinstance(body["metadata"].get("name"), str)
        and isinstance(body["metadata"].get("namespace", ""), str)
    )


def check(documents: list[Any], kustomization: Any) -> None:
    files = {
        f"{OVERLAY}/kustomization.yaml": yaml.safe_dump(kustomization).encode(),
        f"{OVERLAY}/sound.yaml": yaml.safe_dump_all(documents).encode(),
        f"{OVERLAY}/defect.yaml": b"",
    }
    config = parse_config(CONFIG.encode())
    overlay = Overlay(OVERLAY, objects_of(documents), (), Sources(files), config, "1.36", "shop-cluster")
    for finding in validate([overlay]):
        assert finding.line > 0
        assert finding.why


@pytest.mark.parametrize("seed", range(15))
def test_odd_values_in_manifests_are_findings(seed: int) -> None:
    chance = random.Random(seed)
    texts = [SOUND, HPA, JOB, POLICY, ROLE, *(each.decode() for each in FILES.values()), *(d.text for d in DEFECTS)]
    for _ in range(8):
        documents = [each for text in chance.sample(texts, 4) for each in yaml.safe_load_all(text) if each]
        check(broken([*yaml.safe_load_all(SOUND), *documents], chance), yaml.safe_load(KUSTOMIZATION))


@pytest.mark.parametrize("seed", range(8))
def test_odd_values_in_kustomizations_are_findings(seed: int) -> None:
    chance = random.Random(seed)
    texts = [text for d in DEFECTS for name, text in d.files.items() if name == "kustomization.yaml"]
    texts += [text.decode() for path, text in FILES.items() if path.endswith("kustomization.yaml")]
    for _ in range(20):
        (document,) = broken([yaml.safe_load(chance.choice(texts))], chance)
        check(list(yaml.safe_load_all(SOUND)), document)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]\nResources: {A: {Type: AWS::Logs::LogGroup, Properties: *a}}",
        "x: !!int abc\nResources: {A: {Type: AWS::CloudWatch::Alarm, Properties: [AWS::]}}",
        "Resources: {A: {Type: AWS::CloudWatch::Alarm, Properties: {Dimensions: [{Name: !Ref A}, 1]}}}",
        "Resources: {A: {Type: AWS::Logs::MetricFilter, Properties: {LogGroupName: {Ref: [x]}, FilterPattern: 1}}}",
        "Resources: [AWS::]",
        "AWS:: Resources: : :",
    ],
)
def test_any_template_is_read_without_a_trace(text: str) -> None:
    list(check_templates(resources_of(Sources({"cfn/a.yaml": text.encode()})), ()))
