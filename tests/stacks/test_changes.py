"""Change sets in our words."""

from typing import Any

from gitops.stacks.changes import ResourceChange, all_deleted, read_changes, summary


def change(action: str, kind: str, name: str = "Thing", **more: Any) -> dict[str, Any]:
    return {
        "Type": "Resource",
        "ResourceChange": {"Action": action, "LogicalResourceId": name, "ResourceType": kind, **more},
    }


def test_what_loses_data_and_what_is_replaced_stands_first() -> None:
    read = read_changes(
        [
            change("Add", "AWS::SNS::Topic", "Topic"),
            change("Modify", "AWS::IAM::Role", "Role", Replacement="False"),
            change("Modify", "AWS::CodeBuild::Project", "Project", Replacement="True"),
            change("Remove", "AWS::ECR::Repository", "Images", PhysicalResourceId="shop/web"),
        ]
    )
    assert [(each.action, each.id, each.loses_data) for each in read] == [
        ("delete", "Images", True),
        ("replace", "Project", False),
        ("update", "Role", False),
        ("create", "Topic", False),
    ]
    assert summary(read) == "1 replace, 1 delete, 1 update, 1 create"


def test_a_replacement_that_depends_is_said_to() -> None:
    assert read_changes([change("Modify", "AWS::IAM::Role", Replacement="Conditional")])[0].action == "may replace"


def test_what_the_stack_lets_go_of_stays() -> None:
    (released,) = read_changes([change("Remove", "AWS::S3::Bucket", PolicyAction="Retain")])
    assert (released.action, released.loses_data) == ("keep", False)
    (replaced,) = read_changes(
        [change("Modify", "AWS::ECR::Repository", Replacement="True", PolicyAction="ReplaceAndRetain")]
    )
    assert (replaced.action, replaced.loses_data) == ("replace", False)


def test_a_resource_that_exists_is_adopted() -> None:
    assert read_changes([change("Import", "AWS::CodeCommit::Repository")])[0].action == "adopt"


def test_the_properties_that_change_are_named_once() -> None:
    details = [
        {"Target": {"Attribute": "Properties", "Name": "EncryptionConfiguration"}},
        {"Target": {"Attribute": "Properties", "Name": "EncryptionConfiguration"}},
        {"Target": {"Attribute": "Tags"}},
    ]
    read = read_changes([change("Modify", "AWS::ECR::Repository", Details=details)])
    assert read[0].properties == ("EncryptionConfiguration", "Tags")


def test_a_deletion_keeps_what_the_template_keeps() -> None:
    document: dict[str, Any] = {
        "Resources": {
            "Images": {
                "Type": "AWS::ECR::Repository",
                "DeletionPolicy": "Retain",
                "Properties": {"RepositoryName": "shop/web"},
            },
            "Role": {"Type": "AWS::IAM::Role"},
        }
    }
    resources = [
        {"LogicalResourceId": name, "ResourceType": each["Type"], "ResourceStatus": "CREATE_COMPLETE"}
        for name, each in document["Resources"].items()
    ]
    assert all_deleted(resources, document) == (
        ResourceChange("delete", "Role", "AWS::IAM::Role"),
        ResourceChange("keep", "Images", "AWS::ECR::Repository", "shop/web"),
    )
