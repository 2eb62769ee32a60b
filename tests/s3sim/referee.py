"""boto3 and the AWS CLI against a running server: downloads byte for byte, uploads, lists, errors.

Run by referee_test with: endpoint, object size, the object's SHA-256, the AWS CLI's path (or "").
Exits 0 and prints "agreed" when everything is as S3 would have it.
"""
import hashlib
import os
import subprocess
import sys
import tempfile

import boto3
import botocore.compat
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT, SIZE, SHA256, CLI = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
KEY, SECRET = "AKIDTEST", "secret/with+signs="


def client(key=KEY, secret=SECRET):
    return boto3.client(
        "s3", endpoint_url=ENDPOINT, aws_access_key_id=key, aws_secret_access_key=secret,
        region_name="eu-central-1", config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}))


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def expect_error(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (code, error.response)
    else:
        raise AssertionError("no error, expected " + code)


def check_boto3(folder):
    s3 = client()
    path = os.path.join(folder, "object")
    for config in (TransferConfig(), TransferConfig(use_threads=False), TransferConfig(multipart_threshold=1 << 40),
                   TransferConfig(multipart_chunksize=1_000_003, max_concurrency=7)):
        s3.download_file("bench", "obj", path, Config=config)
        assert os.path.getsize(path) == SIZE and sha256_of(path) == SHA256
    assert s3.head_object(Bucket="bench", Key="obj")["ContentLength"] == SIZE

    s3.create_bucket(Bucket="made-here", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for name in ("plain", "with space", "sign+&=?%", "ünïcode/☃", "dots/../inside", "tilde~!*'()"):
        body = os.urandom(300_000)
        for algorithm in ("CRC32", "SHA256", "SHA1"):
            s3.put_object(Bucket="made-here", Key=name, Body=body, ChecksumAlgorithm=algorithm,
                          Metadata={"colour": "blue  green"})
            answer = s3.get_object(Bucket="made-here", Key=name, ChecksumMode="ENABLED")
            assert answer["Body"].read() == body and answer["Metadata"]["colour"], name
            assert answer["ETag"] == '"%s"' % hashlib.md5(body).hexdigest()
            assert "Checksum" + algorithm in answer
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "made-here", "Key": name}, ExpiresIn=60)
        if ".." not in name:  # urllib3 would resolve the dots itself.
            assert urllib3.PoolManager().request("GET", url).data == body, name
    keys = [item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(
        Bucket="made-here", PaginationConfig={"PageSize": 2}) for item in page["Contents"]]
    assert keys == sorted(keys, key=lambda key: key.encode()) and len(keys) == 6, keys
    assert "made-here" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]

    expect_error("NoSuchKey", s3.get_object, Bucket="bench", Key="none")
    expect_error("NoSuchBucket", s3.get_object, Bucket="none", Key="none")
    expect_error("404", s3.head_object, Bucket="bench", Key="none")
    expect_error("PreconditionFailed", s3.get_object, Bucket="bench", Key="obj", IfMatch='"other"')
    expect_error("InvalidRange", s3.get_object, Bucket="bench", Key="obj", Range="bytes=%d-" % SIZE)
    check_parts(s3, path)
    expect_error("InvalidAccessKeyId", client(key="OTHER").get_object, Bucket="bench", Key="obj")
    expect_error("SignatureDoesNotMatch", client(secret="other").get_object, Bucket="bench", Key="obj")


def check_checksums(folder):
    """boto3 holds every body against the checksum that the server names; CRC32C and CRC64NVME if it has awscrt."""
    s3 = client()
    algorithms = ["CRC32", "SHA1", "SHA256"] + (["CRC32C", "CRC64NVME"] if botocore.compat.HAS_CRT else [])
    head = s3.head_object(Bucket="bench", Key="obj", ChecksumMode="ENABLED")
    assert head["ChecksumCRC64NVME"] and head["ChecksumType"] == "FULL_OBJECT", head

    def verified(expected, **arguments):
        answer = s3.get_object(Bucket="bench", ChecksumMode="ENABLED", **arguments)
        algorithm = answer["ResponseMetadata"].get("ChecksumAlgorithm")
        body = answer["Body"]
        assert (type(body).__name__ == "StreamingChecksumBody") == expected, (arguments, type(body), algorithm)
        return body.read()

    verified(botocore.compat.HAS_CRT, Key="obj")
    whole = b""
    for algorithm in algorithms:
        key = "parts-" + algorithm.lower()
        is_full = algorithm == "CRC64NVME"
        whole = verified(is_full, Key=key)
        parts = [verified(True, Key=key, PartNumber=n) for n in (1, 2, 3)]
        assert b"".join(parts) == whole, key
        assert verified(True, Key=key, Range="bytes=0-%d" % (len(parts[0]) - 1)) == parts[0]
        assert verified(False, Key=key, Range="bytes=0-%d" % (len(parts[0]))) == whole[:len(parts[0]) + 1]
        path = os.path.join(folder, key)
        s3.download_file("bench", key, path, Config=TransferConfig(multipart_threshold=1, multipart_chunksize=len(parts[0])))
        assert open(path, "rb").read() == whole
    for algorithm in algorithms:
        s3.put_object(Bucket="made-here", Key="sum", Body=whole, ChecksumAlgorithm=algorithm)
        answer = s3.get_object(Bucket="made-here", Key="sum", ChecksumMode="ENABLED")
        assert answer["Body"].read() == whole and "Checksum" + algorithm in answer


def check_parts(s3, path):
    body, part = os.urandom(12 << 20), 5 << 20
    with open(path, "wb") as file:
        file.write(body)
    s3.upload_file(path, "made-here", "in parts", ExtraArgs={"ContentType": "video/x", "Metadata": {"a": "b"}},
                   Config=TransferConfig(multipart_chunksize=part))
    answer = s3.get_object(Bucket="made-here", Key="in parts")
    assert answer["Body"].read() == body and answer["ContentType"] == "video/x" and answer["Metadata"] == {"a": "b"}
    digests = [hashlib.md5(body[i:i + part]).digest() for i in range(0, len(body), part)]
    assert answer["ETag"] == '"%s-3"' % hashlib.md5(b"".join(digests)).hexdigest(), answer["ETag"]

    name = {"Bucket": "made-here", "Key": "dropped"}
    upload = {**name, "UploadId": s3.create_multipart_upload(**name)["UploadId"]}
    small = s3.upload_part(**upload, PartNumber=1, Body=b"small")["ETag"]
    s3.upload_part(**upload, PartNumber=2, Body=b"last")
    listed = [{"PartNumber": 1, "ETag": small}, {"PartNumber": 2, "ETag": small}]
    expect_error("InvalidPart", s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": listed})
    listed[1]["ETag"] = s3.upload_part(**upload, PartNumber=2, Body=b"other")["ETag"]
    expect_error("EntityTooSmall", s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": listed})
    expect_error("InvalidPartOrder", s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": listed[::-1]})
    s3.abort_multipart_upload(**upload)
    expect_error("NoSuchUpload", s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": listed})
    expect_error("NoSuchKey", s3.get_object, **name)


def check_cli(folder):
    environment = dict(os.environ, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET,
                       AWS_DEFAULT_REGION="us-east-1", AWS_CONFIG_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true")
    path = os.path.join(folder, "by-cli")

    def run(*arguments):
        return subprocess.run([CLI, "--endpoint-url", ENDPOINT, "s3", *arguments], env=environment, check=True,
                              capture_output=True, text=True, timeout=120).stdout

    run("cp", "--quiet", "s3://bench/obj", path)
    assert os.path.getsize(path) == SIZE and sha256_of(path) == SHA256
    assert "obj" in run("ls", "s3://bench/")


with tempfile.TemporaryDirectory() as folder:
    check_boto3(folder)
    check_checksums(folder)
    if CLI:
        check_cli(folder)
print("agreed")
