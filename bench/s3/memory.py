#!/usr/bin/env python3
"""Peak memory of the download engine with 1,000 connections asked for and an object far larger than any memory, to
nowhere, from s3_range_server, unpaced: with and without TLS, under each memory limit. Whole processes; fails if one is
above its limit.

    build/venv/bin/python bench/s3/memory.py [--build build/release] [--size 100GiB] [--connections 1000]
        [--limit 64MiB]... [--clear-only]
"""
import argparse
import os
import pathlib
import sys
import tempfile

from receive import UNITS, Server, told_by


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--size", default="100GiB")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--limit", action="append", help="default: 64MiB and 1GiB")
    parser.add_argument("--clear-only", action="store_true", help="without TLS")
    options = parser.parse_args()
    build = str(pathlib.Path(options.build, "bin").resolve())
    print("| | limit | connections | peak of the process, MiB | GiB/s | CPU s/GiB |\n|---|---|---|---|---|---|")
    for tls in (False,) if options.clear_only else (False, True):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(build, folder, options.size, False, tls)
            try:
                environment = dict(os.environ, **({"AWS_CA_BUNDLE": server.certificate} if tls else {}))
                for limit in options.limit or ["64MiB", "1GiB"]:
                    told = told_by([f"{build}/skipjack", "s3", "get", "s3://bench/object", "--to", "discard",
                                    "--endpoint-url", server.endpoint, "--no-sign-request", "--max-concurrency",
                                    str(options.connections), "--memory-limit", limit], environment)
                    gib = told["bytes"] / (1 << 30)
                    print(f"| {'TLS' if tls else 'HTTP'}, {options.size} | {limit} | {told['num_connections']} | "
                          f"{told['peak_memory_bytes'] / (1 << 20):.0f} | {gib / told['seconds']:.2f} | "
                          f"{told['cpu_seconds'] / gib:.3f} |", flush=True)
                    if told["peak_memory_bytes"] > int(limit[:-3]) * UNITS[limit[-3:]]:
                        sys.exit("above its limit")
            finally:
                server.stop()


if __name__ == "__main__":
    main()
