"""What stacks leave behind on purpose, deleted when a person says so: repositories, images, logs."""

from typing import Any

from gitops.clients.aws import AwsRefused, aws_errors, client

_GONE = ("RepositoryNotFoundException", "RepositoryDoesNotExistException", "ResourceNotFoundException")


class Repositories:
    """CodeCommit, ECR and log groups of one region. Each deletion says whether there was something to delete."""

    def __init__(self, region: str) -> None:
        self._region = region

    def exists(self, kind: str, name: str) -> bool:
        """Whether the resource of CloudFormation's type `kind` is still there."""
        if kind == "AWS::Logs::LogGroup":
            with aws_errors(name):
                found = client("logs", self._region).describe_log_groups(logGroupNamePrefix=name)["logGroups"]
            return any(group["logGroupName"] == name for group in found)
        if kind == "AWS::ECR::Repository":
            return self._unless_gone(name, "ecr", "describe_repositories", repositoryNames=[name])
        return self._unless_gone(name, "codecommit", "get_repository", repositoryName=name)

    def delete_source(self, name: str) -> bool:
        """Delete a CodeCommit repository with its history."""
        codecommit = client("codecommit", self._region)
        with aws_errors(name):
            return bool(codecommit.delete_repository(repositoryName=name).get("repositoryId"))

    def delete_images(self, name: str) -> bool:
        """Delete an ECR repository with its images."""
        return self._unless_gone(name, "ecr", "delete_repository", repositoryName=name, force=True)

    def delete_logs(self, name: str) -> bool:
        """Delete a log group."""
        return self._unless_gone(name, "logs", "delete_log_group", logGroupName=name)

    def _unless_gone(self, name: str, service: str, operation: str, **arguments: Any) -> bool:
        try:
            with aws_errors(name):
                getattr(client(service, self._region), operation)(**arguments)
        except AwsRefused as error:
            if error.code in _GONE:
                return False
            raise
        return True
