"""The artifact bucket. It belongs to `access.yaml`: the wheel and large templates are there before any other stack."""

from typing import Any

from gitops.config import Config
from gitops.template import names
from gitops.template.yaml_text import Comment, Tagged

Resources = dict[Any, Any]

ARTIFACT_DAYS = 90
"""Days after which artifacts expire: longer than an approval may wait (60 days at most)."""

_NO_ACCESS_LOG = {
    "id": "CKV_AWS_18",
    "comment": "Who read an artifact is in CloudTrail; a second bucket of access logs would tell no more.",
}


def artifact_bucket(config: Config) -> Resources:
    """The bucket of artifacts, the toolkit and large templates, and its policy."""
    bucket = names.sub(f"arn:{names.PARTITION}:s3:::{names.bucket(config)}")
    objects = names.sub(f"arn:{names.PARTITION}:s3:::{names.bucket(config)}/*")
    return {
        "ArtifactBucket": {
            "Type": "AWS::S3::Bucket",
            Comment("gitops pipeline down empties it first; nothing else deletes it."): None,
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Metadata": {"checkov": {"skip": [_NO_ACCESS_LOG]}},
            "Properties": {
                "BucketName": names.bucket(config),
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {
                            "BucketKeyEnabled": True,
                            "ServerSideEncryptionByDefault": {
                                "SSEAlgorithm": "aws:kms",
                                "KMSMasterKeyID": Tagged("!GetAtt", "Key.Arn"),
                            },
                        }
                    ]
                },
                "LifecycleConfiguration": {
                    "Rules": [
                        {
                            "Id": "expire",
                            "Status": "Enabled",
                            "Prefix": "",
                            "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
                            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                        },
                        *(
                            {
                                "Id": f"artifacts-of-{name}",
                                "Status": "Enabled",
                                "Prefix": name[:20],
                                "ExpirationInDays": ARTIFACT_DAYS,
                            }
                            for name in (names.source_pipeline(config), names.manifest_pipeline(config))
                        ),
                    ]
                },
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
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "TlsOnly",
                            "Effect": "Deny",
                            "Principal": "*",
                            Comment(
                                "A refusal may be as wide as it likes; S3 has no other way to name all of it."
                            ): None,
                            "Action": "s3:*",
                            "Resource": [bucket, objects],
                            "Condition": {"Bool": {"aws:SecureTransport": False}},
                        }
                    ],
                },
            },
        },
    }
