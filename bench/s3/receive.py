#!/usr/bin/env python3
"""Downloads of one large object beside what the hardware allows and what others do, from one server on loopback
(s3_range_server), all in turn: the bare loops of floor_loop.cc, `skipjack s3 get`, boto3. CPU seconds of whole
processes, client and server; GiB/s until the process has ended; peak memory. Every file is compared with the object.
Ratios are medians of the ratios within a round, with a 95 % bootstrap interval.

    build/venv/bin/python bench/s3/receive.py [--build build/release] [--size 4GiB] [--runs 7] [--folder .]
        [--only SCENARIO]... [--without ARM]... [--json FILE] [--page docs/s3-speed.md]
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time

UNITS = {"MiB": 1 << 20, "GiB": 1 << 30}
PACE, FIRST_BYTE, LONGEST_RUN = 93_000_000, 0.02, 300
BOTO3 = """
import sys, boto3
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.config import Config
boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1",
             config=Config(signature_version=UNSIGNED, max_pool_connections=int(sys.argv[3]))).download_file(
    "bench", "object", sys.argv[2], Config=TransferConfig(max_concurrency=int(sys.argv[3])))
"""
# Name: connections, paced, TLS with the object's CRC64NVME told by the server.
SCENARIOS = {
    "paced, 10 connections": (10, True, False),
    "paced, 40 connections": (40, True, False),
    "unpaced, 10 connections": (10, False, False),
    "paced, 10 connections, TLS and CRC64NVME": (10, True, True),
}


class Server:
    def __init__(self, build, folder, size, paced, tls):
        self.certificate = str(pathlib.Path(folder, "certificate.pem")) if tls else ""
        command = [f"{build}/s3_range_server", "--size", size]
        command += ["--pace", str(PACE), "--first-byte", str(FIRST_BYTE)] if paced else []
        command += ["--certificate", self.certificate, "--checksum"] if tls else []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        if len(words) != 2:
            sys.exit("the server did not start")
        self.port = words[1]
        self.endpoint = f"{'https' if tls else 'http'}://localhost:{self.port}"

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def arms(build, server, size, connections, target, tls):
    """Name: command, and whether it writes the target."""
    floor = [f"{build}/s3_floor_loop", "--size", size, "--port", server.port, "--connections", str(connections)]
    ours = [f"{build}/skipjack", "s3", "get", "s3://bench/object"]
    access = ["--endpoint-url", server.endpoint, "--no-sign-request", "--quiet"]
    auto = access + ["--max-concurrency", str(connections)]
    boto3 = [sys.executable, "-c", BOTO3, server.endpoint, target, str(connections)]
    found = {}
    if not tls:
        found["floor: epoll, two writers"] = floor + ["--target", target], True
        found["floor: io_uring"] = floor + ["--target", target, "--loop", "io_uring"], True
    found["skipjack, auto"] = ours + [target] + auto, True
    if not tls:
        found["skipjack, auto, page cache"] = ours + [target] + auto + ["--write-mode", "buffered"], True
    found["skipjack, boto3's values"] = ours + [target] + access + ["--boto3-defaults", "--max-concurrency",
                                                                   str(connections)], True
    found["skipjack, auto, to memory"] = ours + ["--to", "memory"] + auto, False
    found["skipjack, auto, discarded"] = ours + ["--to", "discard"] + auto, False
    found["boto3"] = boto3, True
    if tls:
        found["cipher: AES-128-GCM"] = [f"{build}/s3_floor_loop", "--size", size, "--cipher"], False
        found["checksum: CRC64NVME"] = [f"{build}/s3_floor_loop", "--size", size, "--checksum"], False
    return found


def run(command, server, environment):
    server_before, begin = server.cpu(), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    clock = threading.Timer(LONGEST_RUN, process.kill)
    clock.start()
    _, status, usage = os.wait4(process.pid, 0)
    clock.cancel()
    seconds = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command[:4])} ended with exit code {process.returncode}")
    return {"seconds": seconds, "client": usage.ru_utime + usage.ru_stime, "server": server.cpu() - server_before,
            "memory": usage.ru_maxrss * 1024}


def require_verified(command, environment):
    """The engine has to compare the checksum that the server tells."""
    command = [word for word in command if word != "--quiet"] + ["--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)
    if told["checksum"] != "CRC64NVME":
        sys.exit(f"nothing was verified: {told['checksum_note']}")


def measure(name, options, build):
    """Runs of each arm, in turn. The floor of TLS is in the clear."""
    connections, paced, tls = SCENARIOS[name]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        server = Server(build, folder, options.size, paced, tls)
        clear = Server(build, folder, options.size, paced, False) if tls else None
        try:
            target = str(pathlib.Path(folder, "out"))
            commands = {arm: (command, writes, server)
                        for arm, (command, writes) in arms(build, server, options.size, connections, target, tls).items()}
            if tls:
                for arm, (command, writes) in arms(build, clear, options.size, connections, target, False).items():
                    if arm.startswith("floor"):
                        commands[arm] = command, writes, clear
            commands = {arm: command for arm, command in commands.items() if not arm.startswith(tuple(options.without))}
            environment = dict(os.environ, **({"AWS_CA_BUNDLE": server.certificate} if tls else {}))
            if tls:
                require_verified(commands["skipjack, auto, discarded"][0], environment)
            results = {arm: [] for arm in commands}
            for round_number in range(options.runs):
                for arm in options.rng.sample(list(commands), len(commands)):
                    command, writes, served_by = commands[arm]
                    results[arm].append(run(command, served_by, environment))
                    if writes:
                        subprocess.run([f"{build}/s3_range_server", "--size", options.size, "--check", target],
                                       check=True)
                        os.unlink(target)
                print(f"{name}: round {round_number + 1} of {options.runs}", file=sys.stderr)
            return results
        finally:
            server.stop()
            if clear:
                clear.stop()


def interval(values, rng):
    medians = sorted(statistics.median(rng.choices(values, k=len(values))) for _ in range(2000))
    return [statistics.median(values), medians[50], medians[1949]]


def ratios(results, tls, rng):
    """Each arm's CPU over the better floor's, round by round."""
    def total(run):
        # The server's part of TLS is its own affair: in TLS clients alone are compared.
        return run["client"] + (0 if tls else run["server"])
    floors = [arm for arm in results if arm.startswith("floor")]
    best = min(floors, key=lambda arm: statistics.median(total(r) for r in results[arm]))
    base = [total(r) for r in results[best]]
    if tls:
        for arm in ("cipher: AES-128-GCM", "checksum: CRC64NVME"):
            base = [b + r["client"] for b, r in zip(base, results[arm])]
    return {arm: interval([total(r) / b for r, b in zip(runs, base)], rng) for arm, runs in results.items()}


def table(name, results, gib, about, rng):
    tls = SCENARIOS[name][2]
    compared = ratios(results, tls, rng)
    speed = "the better floor, cipher and checksum, clients alone" if tls else "the better floor, both ends"
    lines = [f"### {name[0].upper()}{name[1:]}", "", about, "",
             f"| | GiB/s | CPU s/GiB, client | server | peak MiB | CPU over {speed} [95 %] |", "|---|---|---|---|---|---|"]
    for arm, runs in results.items():
        median = {key: statistics.median(r[key] for r in runs) for key in runs[0]}
        ratio = "{:.2f} [{:.2f}, {:.2f}]".format(*compared[arm])
        lines.append(f"| {arm} | {gib / median['seconds']:.2f} | {median['client'] / gib:.3f} | "
                     f"{median['server'] / gib:.3f} | {median['memory'] / (1 << 20):.0f} | {ratio} |")
    return "\n".join(lines) + "\n\n"


def write_page(path, tables):
    """Replaces these scenarios' tables among those between the two marks."""
    page = pathlib.Path(path).read_text()
    before, rest = page.split("<!-- begin: bench/s3/receive.py -->\n")
    known, after = rest.split("<!-- end -->")
    sections = {section.split("\n")[0]: section for section in known.split("### ")[1:]}
    sections.update({section.split("\n")[0]: section for section in (t.removeprefix("### ") for t in tables)})
    text = "".join(f"### {section}" for section in sections.values())
    pathlib.Path(path).write_text(f"{before}<!-- begin: bench/s3/receive.py -->\n{text}<!-- end -->{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--size", default="4GiB")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--folder", default=".")
    parser.add_argument("--without", action="append", default=[], help="arms whose names begin so")
    parser.add_argument("--only", choices=list(SCENARIOS), action="append")
    parser.add_argument("--json")
    parser.add_argument("--page")
    options = parser.parse_args()
    options.rng = random.Random(1)
    if options.size[-3:] not in UNITS or not options.size[:-3].isdigit():
        parser.error(f"--size {options.size}: write it like 4GiB")
    gib = int(options.size[:-3]) * UNITS[options.size[-3:]] / (1 << 30)
    build = str(pathlib.Path(options.build, "bin").resolve())
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    commit = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True, text=True)
    about = (f"Commit {commit.stdout.strip()}, {datetime.date.today()}, Linux {platform.release()}, {os.cpu_count()} cores; "
             f"{options.size}, {options.runs} interleaved runs, load average at the start {os.getloadavg()[0]:.1f}; pace "
             f"{PACE / 1e6:.0f} MB/s a connection, first byte after {FIRST_BYTE * 1e3:.0f} ms.")
    figures, tables = {}, []
    for name in options.only or SCENARIOS:
        figures[name] = measure(name, options, build)
        tables.append(table(name, figures[name], gib, about, options.rng))
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps({"about": about, "runs": figures}, indent=1))
        print(tables[-1])
    if options.page:
        write_page(options.page, tables)


if __name__ == "__main__":
    main()
