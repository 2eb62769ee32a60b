#!/usr/bin/env python3
"""The measuring trial for the real boto3: the same reports as `skipjack s3 measure`.

    boto3_trial.py CONFIGURATION.json    downloads and prints [tune-metric] lines
    boto3_trial.py --check               prints {"boto3": version, "python": version}

boto3 gets the best conditions that its users can have: everything is imported, the client is made and has
spoken to the server before the clock starts, and its connection pool is as large as max_concurrency asks for.
The clock runs from the call of download_file (or download_fileobj) to its return, which is after the rename.
Files are removed and dirty pages flushed outside it.
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
    if "multipart_chunksize" in values:
        values["multipart_threshold"] = min(values["multipart_chunksize"], 8 << 20)
    return TransferConfig(**values)


def download(client, configuration, config, scratch):
    """Seconds and CPU seconds of one download."""
    bucket, _, key = address(configuration)
    reset_peak_memory()
    if configuration["to"] == "file":
        path = os.path.join(scratch, "object")
        cpu = cpu_seconds()
        start = time.perf_counter()
        client.download_file(bucket, key, path, Config=config)
        seconds = time.perf_counter() - start
        size = os.stat(path).st_size
    else:
        target = io.BytesIO() if configuration["to"] == "memory" else Discard()
        cpu = cpu_seconds()
        start = time.perf_counter()
        client.download_fileobj(bucket, key, target, Config=config)
        seconds = time.perf_counter() - start
        size = target.seek(0, io.SEEK_END) if configuration["to"] == "memory" else None
    return seconds, cpu_seconds() - cpu, size


def address(configuration):
    return configuration["object"].removeprefix("s3://").partition("/")


def object_state(client, configuration):
    """Size and ETag."""
    bucket, _, key = address(configuration)
    answer = client.head_object(Bucket=bucket, Key=key)
    return answer["ContentLength"], answer.get("ETag", "")


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
        try:
            seconds, cpu, size = download(client, configuration, config, scratch)
            memory = peak_memory_bytes()
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
            "download": number,
        }
        print(f"[tune-metric]: {json.dumps(report)}", flush=True)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        import boto3
    except ImportError as error:
        sys.exit(f"{sys.executable} has no boto3: {error}")
    if sys.argv[1] == "--check":
        print(json.dumps({"boto3": boto3.__version__, "python": sys.version.split()[0]}))
        return
    # To be asked to end is an ordinary end: the clean-up of `measure` runs.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with open(sys.argv[1]) as file:
        measure(json.load(file))


if __name__ == "__main__":
    main()
