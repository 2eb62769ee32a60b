#!/usr/bin/env python3
"""The published case over real sockets: an object of 3 GiB behind the profile ec2-m5d.12xlarge, to tmpfs, 125 seconds
of search. There boto3's default took 8.3 s and the tuned boto3 4.9 s.

 1. An exhaustive grid over concurrency and part size; its best point is confirmed on fresh downloads.
 2. For each seed a tuning of the native client. The first goes on to its verdict, which holds boto3's default, the
    native client left to itself and the tuned one; the others end with the search.
 3. A whole tuning of boto3, which holds boto3 tuned.
 4. Every configuration that led a search is downloaded again, in random order with the grid's best. From that comes
    how many seconds of search it took until the leader was, for good, truly within 5 % of the grid's best.

    build/venv/bin/python bench/s3tune/published_case.py [--seeds 10] [--search-time 125] [--size 3GiB]

Takes about 45 minutes on an otherwise idle machine. Needs the tool built (--build) and build/venv with boto3.
"""
import argparse
import json
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile

VERDICT_SHARE = 0.55  # of --max-time: S3SchedulerOptions::most_verdict_share
CONCURRENCY = [8, 12, 16, 20, 24, 32, 48, 64, 96]
PARTS_MIB = [2, 4, 8, 16, 32, 64, 128]
PARAMETERS = ["max_concurrency", "multipart_chunksize", "max_io_queue", "io_chunksize"]


class Bench:
    def __init__(self, options, work):
        self.options, self.work = options, work
        self.skipjack = str(pathlib.Path(options.build, "bin", "skipjack").resolve())
        self.env = dict(os.environ, SKIPJACK_HOME=str(work / "experiments"))
        self.target = str(work / "out")
        self.server = subprocess.Popen(
            [self.skipjack, "s3", "sim", "--profile", options.profile, "--object", f"bench/obj={options.size}", "--port",
             "0", "--seed", "1", "--exit-with-parent"], stdout=subprocess.PIPE, text=True)
        while not (found := re.search(r"listening on (\S+)", line := self.server.stdout.readline())):
            if not line:
                sys.exit("published_case: the server did not start")
        self.access = ["--endpoint-url", found[1], "--no-sign-request"]

    def download(self, configuration):
        flags = [word for name in PARAMETERS if name in configuration
                 for word in ("--" + name.replace("_", "-"), str(configuration[name]))]
        done = subprocess.run([self.skipjack, "s3", "get", "s3://bench/obj", self.target, "--json", *flags, *self.access],
                              check=True, capture_output=True, text=True)
        os.unlink(self.target)
        return json.loads(done.stdout)["seconds"]

    def measure(self, configurations, runs, rng):
        """Mean seconds of each configuration over downloads in random order."""
        times = [[] for _ in configurations]
        for _ in range(runs):
            for i in rng.sample(range(len(configurations)), len(configurations)):
                times[i].append(self.download(configurations[i]))
        return [statistics.mean(t) for t in times]

    def tune(self, client, seed, search_only):
        """Runs a tuning and returns its reports."""
        name = f"{client}-{seed}"
        total = self.options.search_time / (1 - VERDICT_SHARE)
        process = subprocess.Popen(
            [self.skipjack, "s3", "tune", "s3://bench/obj", *self.access, "--client", client, "--folder", str(self.work),
             "--max-time", f"{total}s", "--seed", str(seed), "--name", name, "--python", sys.executable, "--quiet"],
            env=self.env, stdout=subprocess.DEVNULL if search_only else None)
        try:
            process.wait(self.options.search_time if search_only else None)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            process.wait()
        if process.returncode not in (0, 130):
            sys.exit(f"published_case: the tuning {name} ended with exit code {process.returncode}")
        done = subprocess.run([self.skipjack, "export", name, "--format", "json"], env=self.env, check=True,
                              capture_output=True, text=True)
        return json.loads(done.stdout)


def leaders(reports):
    """[(seconds, configuration)] whenever another finished trial of the search had the best mean so far."""
    result, best = [], None
    for row in reports:
        if row.get("sj_phase") != "search" or row["st_status"] != "Completed":
            continue
        if best is None or row["avg_download_time"] < best:
            best = row["avg_download_time"]
            configuration = {name: row["config_" + name] for name in PARAMETERS if row.get("config_" + name) is not None}
            result.append((row["st_tuner_time"], configuration))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--size", default="3GiB")
    parser.add_argument("--profile", default="ec2-m5d.12xlarge")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--search-time", type=float, default=125)
    parser.add_argument("--folder", default="/dev/shm")
    options = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    commit = subprocess.run(["git", "-C", root, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    print(f"commit {commit.stdout.strip()}, {os.cpu_count()} cores, kernel {os.uname().release}; {options.size}, profile "
          f"{options.profile}, to {options.folder}, {options.search_time:g} s of search", flush=True)
    rng = random.Random(1)
    with tempfile.TemporaryDirectory(dir=options.folder) as work:
        bench = Bench(options, pathlib.Path(work))
        try:
            bench.measure([{}], 4, rng)  # the first downloads pay for memory that the machine had not touched yet
            grid = [{"max_concurrency": c, "multipart_chunksize": p << 20} for c in CONCURRENCY for p in PARTS_MIB]
            first = bench.measure(grid, 1, rng)
            short = [grid[i] for i in sorted(range(len(grid)), key=first.__getitem__)[:8]]
            best = short[min(enumerate(bench.measure(short, 4, rng)), key=lambda pair: pair[1])[0]]
            print(f"grid of {len(grid)}: {min(first):.3f} to {max(first):.3f} s; best on confirmation {json.dumps(best)}",
                  flush=True)

            histories = [leaders(bench.tune("native", seed, search_only=seed > 1)) for seed in range(1, options.seeds + 1)]
            bench.tune("boto3", 1, search_only=False)

            keys = {json.dumps(c, sort_keys=True): c for history in histories for _, c in history}
            judged = [best, {}, *keys.values()]
            means = bench.measure(judged, 4, rng)
            truth = dict(zip(keys, means[2:]))
            print(f"judged on fresh downloads: grid's best {means[0]:.3f} s, the engine left to itself {means[1]:.3f} s")
            reached = []
            for seed, history in enumerate(histories, 1):
                near = None
                for seconds, configuration in history:
                    is_near = truth[json.dumps(configuration, sort_keys=True)] <= 1.05 * means[0]
                    near = (near or seconds) if is_near else None
                final = truth[json.dumps(history[-1][1], sort_keys=True)] if history else float("nan")
                print(f"seed {seed:2}: {'not reached' if near is None else f'{near:.0f} s'}, {len(history)} leaders, the "
                      f"last truly {final:.3f} s ({final / means[0]:.3f} of the grid's best): {json.dumps(history[-1][1])}")
                reached += [near] if near is not None else []
            if reached:
                print(f"seconds of search until within 5 % of the grid's best, for good: median "
                      f"{statistics.median(reached):.0f}, largest {max(reached):.0f}; reached {len(reached)} of "
                      f"{len(histories)}")
        finally:
            bench.server.terminate()
            bench.server.wait()


if __name__ == "__main__":
    main()
