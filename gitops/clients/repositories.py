"""What stacks leave behind on purpose, deleted when a person says so: repositories, images, logs."""

from typing import Any

from gitops.clients.aws import AwsRefused, aws_errors, client


class Repositories:
    """CodeCommit, ECR and log groups of one region. Each deletion says whether there was something to delete."""

    def __init__(self, region: str) -> None:
        self._region = region

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
            if error.code in ("RepositoryNotFoundException", "ResourceNotFoundException"):
                return False
            raise
        return True
