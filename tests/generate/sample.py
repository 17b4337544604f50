"""The sample that the repository itself carries: gitops.yaml, kustomize/ and buildspec/ at its top."""

from pathlib import Path

from gitops.config import Config, parse_config
from gitops.generate import Answers, config_text

ROOT = Path(__file__).parent.parent.parent
ANSWERS = Answers(image_repository="k8sbook/backend-app", monitoring="manifests")


def sample_config() -> Config:
    return parse_config(config_text(ANSWERS).encode())
