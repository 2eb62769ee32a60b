#!/usr/bin/env python3
"""The measuring trial for the real boto3: the same reports as `skipjack s3 measure`.

    boto3_trial.py CONFIGURATION.json    downloads and prints [tune-metric] lines
    boto3_trial.py --check               prints {"boto3": version, "python": version, "crt": version or ""}

boto3 gets the best conditions that its users can have: everything is imported, the client is made and has
spoken to the server before the clock starts, and its connection pool is as large as max_concurrency asks for.
The clock runs from the call of download_file (or download_fileobj) to its return, which is after the rename.
Files are removed and dirty pages flushed outside it. A folder (s3://bucket/prefix/) is listed and handed, object
by object, to one transfer manager, whose threads are then shared by all objects; the clock holds the listing.

Client "boto3-crt" is what boto3 does with preferred_transfer_client="crt", with a CRT client of its own for each
download and the endpoint that was given (boto3 itself reads it from AWS_ENDPOINT_URL alone).
"""
import ctypes
import io
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import zlib


class Discard(io.RawIOBase):
    """Seekable, so that parts may come in any order; keeps nothing."""

    def __init__(self):
        super().__init__()
        self._position = 0

    def writable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        self._position = offset if whence == io.SEEK_SET else self._position + offset
        return self._position

    def tell(self):
        return self._position

    def write(self, data):
        self._position += len(data)
        return len(data)


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def reset_peak_memory():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass  # then the mark is that of the whole process


def peak_memory_bytes():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def flush_file_system(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), f"cannot flush the file system of {folder}")
    finally:
        os.close(descriptor)


def make_client(configuration):
    import boto3
    import botocore
    from botocore.config import Config

    options = {"max_pool_connections": max(10, configuration.get("max_concurrency") or 10)}
    style = configuration["addressing_style"]
    if style == "auto":
        style = "path" if configuration["endpoint_url"] else "auto"
    options["s3"] = {"addressing_style": style}
    if not configuration["sign_requests"]:
        options["signature_version"] = botocore.UNSIGNED
    session = boto3.session.Session(profile_name=configuration["profile"] or None)
    return session.client("s3", region_name=configuration["region"] or None,
                          endpoint_url=configuration["endpoint_url"] or None, config=Config(**options))


def transfer_config(configuration):
    from boto3.s3.transfer import TransferConfig

    names = ("max_concurrency", "multipart_chunksize", "max_io_queue", "io_chunksize")
    values = {name: configuration[name] for name in names if configuration.get(name) is not None}
    if configuration["client"] == "boto3-crt":
        return TransferConfig(preferred_transfer_client="crt", **values)
    if "multipart_chunksize" in values:
        values["multipart_threshold"] = min(values["multipart_chunksize"], 8 << 20)
    return TransferConfig(**values)


def transfer_manager(client, configuration, config):
    """As boto3 makes it for a client and a TransferConfig."""
    if configuration["client"] != "boto3-crt":
        from boto3.s3.transfer import create_transfer_manager

        return create_transfer_manager(client, config)
    from botocore.session import Session
    from s3transfer.crt import (
        BotocoreCRTCredentialsWrapper,
        BotocoreCRTRequestSerializer,
        CRTTransferManager,
        create_s3_crt_client,
    )

    session = Session(profile=configuration["profile"] or None)
    serializer = BotocoreCRTRequestSerializer(
        session,
        {
            "region_name": client.meta.region_name,
            "endpoint_url": configuration["endpoint_url"] or None,
            "config": client.meta.config,
        },
    )
    keys = BotocoreCRTCredentialsWrapper(client._get_credentials()).to_crt_credentials_provider()
    crt = create_s3_crt_client(
        client.meta.region_name,
        keys,
        use_ssl=not configuration["endpoint_url"].startswith("http://"),
        verify=session.get_config_variable("ca_bundle"),
    )
    return CRTTransferManager(crt, serializer, config=config)


def address(configuration):
    bucket, _, key = configuration["object"].removeprefix("s3://").partition("/")
    return bucket, key


def is_folder(configuration):
    return configuration["object"].endswith("/")


def listing(client, configuration):
    """Of a folder: [(key, size, etag)], without the keys that only mark folders."""
    bucket, prefix = address(configuration)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [(o["Key"], o["Size"], o.get("ETag", "")) for page in pages for o in page.get("Contents", ())
            if not o["Key"].endswith("/")]


def digest_of(objects):
    crc = 0
    for key, size, etag in objects:
        crc = zlib.crc32(f"{key}\t{size}\t{etag}\n".encode(), crc)
    return f"listing-{crc:08x}"


def object_state(client, configuration):
    """Size and ETag; of a folder the size of all and the digest of its listing."""
    if is_folder(configuration):
        objects = listing(client, configuration)
        return sum(size for _, size, _ in objects), digest_of(objects)
    bucket, key = address(configuration)
    answer = client.head_object(Bucket=bucket, Key=key)
    return answer["ContentLength"], answer.get("ETag", "")


def file_path(folder, name):
    """Below the folder, whatever the name holds."""
    path = os.path.normpath(os.path.join(folder, name))
    if not path.startswith(folder + os.sep):
        sys.exit(f"the key's name {name!r} leads out of the folder")
    return path


def download_folder(client, configuration, manager, target):
    bucket, prefix = address(configuration)
    with manager:
        futures = []
        for key, _, _ in listing(client, configuration):
            path = file_path(target, key[len(prefix):])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            futures.append(manager.download(bucket, key, path))
        for future in futures:
            future.result()


def download_object(client, configuration, config, manager, target):
    from boto3.s3.transfer import S3Transfer

    bucket, key = address(configuration)
    if manager:
        # The file has its name only once the manager is left.
        with S3Transfer(manager=manager) as transfer:
            transfer.download_file(bucket, key, target)
    else:
        client.download_file(bucket, key, target, Config=config)


def download(client, configuration, config, scratch):
    """Seconds, CPU seconds and bytes (None: not known) of one download."""
    bucket, key = address(configuration)
    manager = None
    if is_folder(configuration) or configuration["client"] == "boto3-crt":
        manager = transfer_manager(client, configuration, config)
    reset_peak_memory()
    target = os.path.join(scratch, "object") if scratch else None
    cpu = cpu_seconds()
    start = time.perf_counter()
    if is_folder(configuration):
        download_folder(client, configuration, manager, target)
    elif target:
        download_object(client, configuration, config, manager, target)
    else:
        sink = io.BytesIO() if configuration["to"] == "memory" else Discard()
        client.download_fileobj(bucket, key, sink, Config=config)
    seconds = time.perf_counter() - start
    cpu = cpu_seconds() - cpu
    if target:
        size = sum(os.stat(path).st_size for _, path in files_of(target))
    else:
        size = sink.seek(0, io.SEEK_END) if configuration["to"] == "memory" else None
    return seconds, cpu, size


def files_of(target):
    """[(name, path)] of a file, without a name, or of all files below a folder by name."""
    if not os.path.isdir(target):
        return [(None, target)]
    paths = [os.path.join(folder, name) for folder, _, names in os.walk(target) for name in names]
    return sorted((os.fsencode(os.path.relpath(path, target)), path) for path in paths)


def content_of(target):
    """As download_scratch.h has it."""
    crc = 0
    for name, path in files_of(target):
        if name is not None:
            crc = zlib.crc32(name + b"\0", crc)
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                crc = zlib.crc32(block, crc)
    return f"crc32-{crc:08x}"


def measure(configuration):
    config = transfer_config(configuration)
    times = []
    for number in range(1, configuration["repeats"] + 1):
        client = make_client(configuration)
        expected, etag = object_state(client, configuration)
        scratch = None
        if configuration["to"] == "file":
            scratch = tempfile.mkdtemp(prefix=".skipjack-measure-", dir=configuration["folder"])
            flush_file_system(scratch)
        content = {}
        try:
            seconds, cpu, size = download(client, configuration, config, scratch)
            memory = peak_memory_bytes()
            if scratch and configuration["verify"] and number == configuration["repeats"]:
                content["content"] = content_of(os.path.join(scratch, "object"))
        finally:
            if scratch:
                shutil.rmtree(scratch, ignore_errors=True)
        if size is not None and size != expected:
            sys.exit(f"boto3 fetched {size} bytes of {configuration['object']}, which has {expected}")
        times.append(seconds)
        report = {
            "avg_download_time": sum(times) / len(times),
            "download_time": seconds,
            "download_times": times,
            "bytes": expected,
            "etag": etag,
            "bytes_per_second": expected / seconds,
            "cpu_seconds": cpu,
            "peak_memory_bytes": memory,
            **content,
            "download": number,
        }
        print(f"[tune-metric]: {json.dumps(report)}", flush=True)


def crt_version():
    """Of awscrt; empty if there is none or if boto3 can't hand it a TransferConfig."""
    try:
        import awscrt
        from boto3.compat import TRANSFER_CONFIG_SUPPORTS_CRT
    except ImportError:
        return ""
    return awscrt.__version__ if TRANSFER_CONFIG_SUPPORTS_CRT else ""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        import boto3
    except ImportError as error:
        sys.exit(f"{sys.executable} has no boto3: {error}")
    if sys.argv[1] == "--check":
        print(json.dumps({"boto3": boto3.__version__, "python": sys.version.split()[0], "crt": crt_version()}))
        return
    # To be asked to end is an ordinary end: the clean-up of `measure` runs.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with open(sys.argv[1]) as file:
        measure(json.load(file))


if __name__ == "__main__":
    main()
