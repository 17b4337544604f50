"""checkov's checks that do not apply to a resource, with the reason, as checkov reads them."""

from typing import Any


def skip_checks(**reasons: str) -> dict[str, Any]:
    """checkov's checks that do not apply, each with its reason."""
    return {"Metadata": {"checkov": {"skip": [{"id": check, "comment": why} for check, why in reasons.items()]}}}
