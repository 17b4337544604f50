"""Every planted defect is found at its line with its code, and nothing else is."""

from pathlib import Path

import pytest

from gitops.validate.codes import CODES
from tests.validate.defects import DEFECTS
from tests.validate.more_defects import ODD
from tests.validate.other_files import FLUENT_BIT, SOUND_FILES
from tests.validate.repository import Defect, findings

UNPLANTED = {"K001", "K015", "O008"}
"""Codes with a test of their own in test_validate.py."""


@pytest.mark.kubectl
def test_the_sound_repository_has_no_finding(tmp_path: Path) -> None:
    Defect("none").write(tmp_path)
    assert findings(tmp_path) == []


@pytest.mark.kubectl
def test_sound_templates_scripts_and_documents_have_no_finding(tmp_path: Path) -> None:
    Defect(
        "none", FLUENT_BIT.replace("serviceAccountName: other", "serviceAccountName: app"), beside=SOUND_FILES
    ).write(tmp_path)
    assert findings(tmp_path) == []


@pytest.mark.kubectl
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_found_at_its_line(defect: Defect, tmp_path: Path) -> None:
    assert defect.expected()
    defect.write(tmp_path)
    found = {(f.file, f.line, f.code): f for f in findings(tmp_path)}
    # What kustomize itself refuses is said of the overlay too.
    rest = {key: str(finding) for key, finding in found.items() if key[2] != "K001" and key not in defect.expected()}
    assert not rest
    assert defect.expected() <= found.keys()


@pytest.mark.kubectl
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_what_is_odd_and_right_is_no_finding(odd: Defect, tmp_path: Path) -> None:
    odd.write(tmp_path)
    assert findings(tmp_path) == []


def test_every_code_has_a_planted_defect() -> None:
    planted = {code for defect in DEFECTS for _, _, code in defect.expected()}
    assert planted | UNPLANTED == set(CODES)
