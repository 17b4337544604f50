"""What moto's CloudFormation leaves out of change sets and CloudFormation does: their outputs, exports and imports."""

from typing import Any

import pytest
from moto.cloudformation.models import CloudFormationBackend


def export_from_change_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a stack made by a change set its outputs, and other stacks' exports, as a stack made by CreateStack has."""
    execute = CloudFormationBackend.execute_change_set

    def executed(backend: Any, change_set_name: str, stack_name: str | None = None) -> None:
        stack = backend.stacks[backend.change_sets[change_set_name].stack_id]
        stack.resource_map.cross_stack_resources = backend.exports
        execute(backend, change_set_name, stack_name)
        stack._parse_template()
        stack.output_map = stack._create_output_map()
        backend.exports.update({export.name: export for export in stack.exports})

    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", executed)
