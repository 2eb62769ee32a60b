#!/usr/bin/env python3
"""`skipjack s3 get` beside boto3's download_file, in turn, from one server (`skipjack s3 sim`): paced at 93 MB/s a
connection and unpaced. Prints medians and ratios to boto3 with a bootstrap interval: GiB/s, CPU seconds per GiB of the
client's whole process and of the server, peak memory. Each download's SHA-256 must be the one that boto3's first
download had.

    build/venv/bin/python bench/s3/compare_boto3.py [--build build/release] [--size 1GiB] [--runs 7] [--folder /dev/shm]
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

UNITS = {"MiB": 1 << 20, "GiB": 1 << 30}
BOTO3 = """
import sys, boto3
from botocore import UNSIGNED
from botocore.config import Config
boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1",
             config=Config(signature_version=UNSIGNED)).download_file("bench", "obj", sys.argv[2])
"""
PROFILES = {
    "paced at 93 MB/s a connection": {"base": "ec2-m5d.12xlarge", "name": "paced-93"},
    "unpaced": {"base": "unpaced", "name": "unpaced-bench"},
}


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(command, server):
    """Seconds of the process, its CPU seconds and peak memory, the server's CPU seconds."""
    server_before, begin = cpu_of(server.pid), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with exit code {process.returncode}")
    return {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss * 1024,
            "server_cpu": cpu_of(server.pid) - server_before}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ratio_interval(values, baseline, rng):
    """Median of the paired ratios with a 95 % bootstrap interval."""
    ratios = [v / b for v, b in zip(values, baseline)]
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(2000))
    return statistics.median(ratios), medians[50], medians[1949]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--size", default="1GiB")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--folder", default="/dev/shm")
    options = parser.parse_args()
    match = re.fullmatch(r"(\d+)(MiB|GiB)", options.size)
    if not match:
        parser.error(f"--size {options.size}: write it like 1GiB")
    gib = int(match[1]) * UNITS[match[2]] / (1 << 30)
    skipjack = str(pathlib.Path(options.build, "bin", "skipjack").resolve())
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    commit = subprocess.run(["git", "-C", root, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    print(f"commit {commit.stdout.strip()}, {os.cpu_count()} cores, {options.size} to {options.folder}, "
          f"{options.runs} interleaved runs; whole processes, start-up included")
    rng = random.Random(1)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for title, profile in PROFILES.items():
            path = pathlib.Path(folder, "profile.json")
            path.write_text(json.dumps(profile))
            server = subprocess.Popen([skipjack, "s3", "sim", "--profile", str(path), "--object",
                                       f"bench/obj={options.size}", "--port", "0"], stdout=subprocess.PIPE, text=True)
            try:
                endpoint = None
                while endpoint is None:
                    line = server.stdout.readline()
                    if not line:
                        sys.exit("the server did not start")
                    found = re.search(r"listening on (\S+)", line)
                    endpoint = found and found[1]
                target = str(pathlib.Path(folder, "out"))
                ours = [skipjack, "s3", "get", "s3://bench/obj", target, "--endpoint-url", endpoint, "--no-sign-request"]
                values = ["--max-concurrency", "10", "--multipart-chunksize", "8MiB", "--max-io-queue", "100",
                          "--io-chunksize", "256KiB"]
                arms = {"boto3, defaults": [sys.executable, "-c", BOTO3, endpoint, target],
                        "skipjack, boto3's values": ours + values, "skipjack, auto": ours}
                results, expected = {name: [] for name in arms}, None
                for _ in range(options.runs):
                    for name in rng.sample(list(arms), len(arms)) if expected else arms:
                        results[name].append(run(arms[name], server))
                        seen = digest(target)
                        expected = expected or seen
                        if seen != expected:
                            sys.exit(f"{name}: wrong bytes")
                        os.unlink(target)
            finally:
                server.terminate()
                server.wait()
            print(f"\n{title}\n{'':26}{'GiB/s':>8}{'CPU s/GiB':>11}{'server':>8}{'MiB':>6}   times as fast [95 %]"
                  f"    CPU, both ends [95 %]")
            base = results["boto3, defaults"]
            for name, runs in results.items():
                median = {key: statistics.median(r[key] for r in runs) for key in runs[0]}
                speed = ratio_interval([b["seconds"] for b in base], [r["seconds"] for r in runs], rng)
                cpu = ratio_interval([r["cpu"] + r["server_cpu"] for r in runs],
                                     [b["cpu"] + b["server_cpu"] for b in base], rng)
                print(f"{name:26}{gib / median['seconds']:8.2f}{median['cpu'] / gib:11.2f}"
                      f"{median['server_cpu'] / gib:8.2f}{median['memory'] / (1 << 20):6.0f}   "
                      f"{speed[0]:.2f} [{speed[1]:.2f}, {speed[2]:.2f}]      {cpu[0]:.2f} [{cpu[1]:.2f}, {cpu[2]:.2f}]")


if __name__ == "__main__":
    main()
