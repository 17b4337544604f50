"""The artifact bucket. It belongs to `access.yaml`: the wheel and large templates are there before any other stack."""

from gitops.config import Config
from gitops.template import names
from gitops.template.suppressions import skip_checks
from gitops.template.yaml_text import Block, Comment, Tagged

ARTIFACT_DAYS = 90
"""Days after which artifacts expire: longer than an approval may wait (60 days at most)."""

_NO_ACCESS_LOG = "Who read an artifact is in CloudTrail; a second bucket of access logs would tell no more."


def artifact_bucket(config: Config) -> Block:
    """The bucket of artifacts, the toolkit and large templates, and its policy."""
    return {
        "ArtifactBucket": {
            "Type": "AWS::S3::Bucket",
            Comment("gitops pipeline down empties it first; nothing else deletes it."): None,
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            **skip_checks(CKV_AWS_18=_NO_ACCESS_LOG),
            "Properties": {
                "BucketName": names.bucket(config),
                "BucketEncryption": {"ServerSideEncryptionConfiguration": [_encryption()]},
                "LifecycleConfiguration": {"Rules": _lifecycle(config)},
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
                "VersioningConfiguration": {"Status": "Enabled"},
            },
        },
        "ArtifactBucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": Tagged("!Ref", "ArtifactBucket"),
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [_tls_only(config)]},
            },
        },
    }


def _encryption() -> Block:
    return {
        "BucketKeyEnabled": True,
        "ServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": Tagged("!GetAtt", "Key.Arn"),
        },
    }


def _lifecycle(config: Config) -> list[Block]:
    old_versions: Block = {
        "Id": "expire",
        "Status": "Enabled",
        "Prefix": "",
        "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    return [old_versions, *map(_expiring, (names.source_pipeline(config), names.manifest_pipeline(config)))]


def _expiring(pipeline: str) -> Block:
    """CodePipeline puts artifacts under the first 20 characters of the pipeline's name."""
    return {
        "Id": f"artifacts-of-{pipeline}",
        "Status": "Enabled",
        "Prefix": pipeline[:20],
        "ExpirationInDays": ARTIFACT_DAYS,
    }


def _tls_only(config: Config) -> Block:
    bucket = f"arn:{names.PARTITION}:s3:::{names.bucket(config)}"
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        Comment("A refusal may be as wide as it likes; S3 has no other way to name all of it."): None,
        "Action": "s3:*",
        "Resource": [names.sub(bucket), names.sub(f"{bucket}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": False}},
    }
