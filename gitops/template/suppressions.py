"""checkov's checks that do not apply to a resource, with the reason, as checkov reads them."""

from gitops.template.yaml_text import Block


def skip_checks(**reasons: str) -> Block:
    """checkov's checks that do not apply, each with its reason."""
    return {"Metadata": {"checkov": {"skip": [{"id": check, "comment": why} for check, why in reasons.items()]}}}
