#!/usr/bin/env python3
"""The job of AWS's sample (four values of boto3's TransferConfig, three downloads of each, one worker) beside
`s3 tune --client boto3`, on one server, with the same seeds and the same seconds of search:

    sample       a launcher and a trial of the sample's shape: its ranges, its two modes (bayes_fifo, bayes_hyperband)
                 on Syne Tune, and unmodified through `python -m skipjack.syne_tune`
    s3 tune      `skipjack s3 tune --client boto3`, its search alone

 1. A grid over concurrency and part size, once with the connection pool that boto3 has by itself (10, as in the
    sample), once with one of the size of the concurrency (as s3 tune has it); the best few of each are confirmed.
 2. For each seed every contestant, in random order.
 3. Every configuration that led a search is downloaded again in the way of its contestant, in random order with the
    grid's best. Those within 20 % of the fastest are downloaded again, more often, and only these later times count: of
    many short measurements the fastest owes its place to luck as well. The fastest then, for each pool, is the best
    known; from that comes how many seconds of search it took until the leader was, for good, truly within 5 % of it.
    --json keeps all reports and times; --judge does step 3 alone with the reports of such a file.

    build/venv/bin/python bench/s3tune/aws_sample.py --package DIR --syne-tune-python PYTHON [--seeds 3] [--seconds 60]
        [--json FILE] [--judge FILE]

--package is a folder with the Python package skipjack, programs included (build/release/python). PYTHON has Syne Tune,
with what its bayesopt needs, and boto3. Takes seeds * 5 * seconds and about ten minutes more.
"""
import argparse
import csv
import io
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
import zipfile

LAUNCHER = '''
import logging, sys
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import lograndint, randint
from syne_tune.optimizer.schedulers import FIFOScheduler, HyperbandScheduler
mode, seed, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
logging.getLogger().setLevel(logging.WARNING)
n = 3
space = dict(bucket="bench", key="obj", n_downloads=n, mode=mode, max_concurrency=randint(10, 1000),
             max_io_queue=lograndint(100, 100000), io_chunksize=lograndint(1000, 1000000000),
             multipart_chunksize=lograndint(1000000, 10000000000))
common = dict(searcher="bayesopt", metric="avg_download_time", mode="min", random_seed=seed)
if mode == "bayes_fifo":
    scheduler = FIFOScheduler(space, search_options={"debug_log": False}, **common)
else:
    options = {"num_init_random": 3, "gp_resource_kernel": "cross-validation", "debug_log": False}
    scheduler = HyperbandScheduler(space, type="promotion", search_options=options, rung_levels=list(range(1, n + 1)),
                                   resource_attr="download_attempts", max_resource_attr="n_downloads", **common)
Tuner(trial_backend=LocalBackend("trial.py"), scheduler=scheduler, n_workers=1,
      stop_criterion=StoppingCriterion(max_wallclock_time=seconds)).run()
'''
TRIAL = '''
import argparse, json, os, tempfile, time
import boto3
from boto3.s3.transfer import TransferConfig
from syne_tune import Reporter
NAMES = ("max_concurrency", "max_io_queue", "io_chunksize", "multipart_chunksize")
parser = argparse.ArgumentParser()
for name in ("bucket", "key", "mode", "st_checkpoint_dir"):
    parser.add_argument("--" + name)
for name in ("n_downloads", *NAMES):
    parser.add_argument("--" + name, type=int)
given, _ = parser.parse_known_args()
config = TransferConfig(**{name: getattr(given, name) for name in NAMES})
os.makedirs(given.st_checkpoint_dir, exist_ok=True)
checkpoint = os.path.join(given.st_checkpoint_dir, "checkpoint.json")
done, total = json.load(open(checkpoint)) if os.path.exists(checkpoint) else (0, 0.0)
report, s3 = Reporter(), boto3.resource("s3")
while done < given.n_downloads:
    with tempfile.TemporaryDirectory(dir=os.environ["SAMPLE_FOLDER"]) as folder:
        begin = time.perf_counter()
        s3.Object(given.bucket, given.key).download_file(os.path.join(folder, "file"), Config=config)
        done, total = done + 1, total + time.perf_counter() - begin
    with open(checkpoint + ".new", "w") as file:
        json.dump([done, total], file)
    os.replace(checkpoint + ".new", checkpoint)
    if given.mode == "bayes_hyperband" or done == given.n_downloads:
        report(download_attempts=done, avg_download_time=total / done)
'''
VERDICT_SHARE = 0.55  # of --max-time: S3SchedulerOptions::most_verdict_share
PARAMETERS = ["max_concurrency", "max_io_queue", "io_chunksize", "multipart_chunksize"]
CONCURRENCY = [10, 16, 24, 32, 48]
PARTS_MIB = [2, 4, 8, 16]
SMALL_POOL, LARGE_POOL = "a pool of 10", "a pool as large"
DEFAULTS = {"max_concurrency": 10, "multipart_chunksize": 8 << 20}


def download(configuration, pool, folder):
    """Seconds of one download by boto3, a new client each time."""
    import time

    import boto3
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    size = 10 if pool == SMALL_POOL else max(10, configuration["max_concurrency"])
    client = boto3.client("s3", config=Config(max_pool_connections=size))
    client.head_object(Bucket="bench", Key="obj")
    path = os.path.join(folder, "file")
    begin = time.perf_counter()
    client.download_file("bench", "obj", path, Config=TransferConfig(**configuration))
    seconds = time.perf_counter() - begin
    os.unlink(path)
    return seconds


def measure(points, runs, rng, folder):
    """Mean seconds of each (configuration, pool) over downloads in random order."""
    times = [[] for _ in points]
    for _ in range(runs):
        for i in rng.sample(range(len(points)), len(points)):
            times[i].append(download(*points[i], folder))
    return [statistics.mean(t) for t in times]


def best_known(pool, rng, folder):
    grid = [({"max_concurrency": c, "multipart_chunksize": p << 20}, pool) for c in CONCURRENCY for p in PARTS_MIB]
    first = measure(grid, 1, rng, folder)
    short = [grid[i] for i in sorted(range(len(grid)), key=first.__getitem__)[:6]]
    confirmed = measure(short, 4, rng, folder)
    best = min(range(len(short)), key=confirmed.__getitem__)
    print(f"grid of {len(grid)}, {pool}: {min(first):.3f} to {max(first):.3f} s; best on confirmation "
          f"{json.dumps(short[best][0])}, {confirmed[best]:.3f} s", flush=True)
    return short[best][0]


def run_sample(command, mode, seed, options, environment):
    """[(seconds, value, configuration)] of every report."""
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        (here / "launcher.py").write_text(LAUNCHER)
        (here / "trial.py").write_text(TRIAL)
        done = subprocess.run([*command, "launcher.py", mode, str(seed), str(options.seconds)], cwd=here,
                              env={**environment, "SYNETUNE_FOLDER": str(here / "results")}, capture_output=True,
                              text=True)
        archives = list(here.glob("results/**/results.csv.zip"))
        if done.returncode != 0 or not archives:
            sys.exit(f"aws_sample: {' '.join(command)} {mode} failed:\n{done.stderr[-3000:]}")
        rows = list(csv.DictReader(io.StringIO(zipfile.ZipFile(archives[0]).read("results.csv").decode())))
    return [(float(row["st_tuner_time"]), float(row["avg_download_time"]),
             {name: int(float(row["config_" + name])) for name in PARAMETERS})
            for row in rows if row["avg_download_time"]]


def run_s3_tune(tool, seed, options, environment, endpoint, folder):
    name = f"boto3-{seed}"
    process = subprocess.Popen(
        [tool, "s3", "tune", "s3://bench/obj", "--endpoint-url", endpoint, "--client", "boto3", "--folder", folder,
         "--max-time", f"{options.seconds / (1 - VERDICT_SHARE)}s", "--seed", str(seed), "--name", name, "--python",
         sys.executable, "--quiet"], env=environment, stdout=subprocess.DEVNULL)
    try:
        process.wait(options.seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait()
    if process.returncode not in (0, 130):
        sys.exit(f"aws_sample: s3 tune ended with exit code {process.returncode}")
    done = subprocess.run([tool, "export", name, "--format", "json"], env=environment, check=True, capture_output=True,
                          text=True)
    return [(row["st_tuner_time"], row["avg_download_time"], {p: row["config_" + p] for p in PARAMETERS})
            for row in json.loads(done.stdout)
            if row.get("sj_phase") in ("baseline", "search") and row["st_status"] == "Completed"
            and row.get("config_client") == "boto3"]


def judge(points, options, rng, folder):
    """{pool: {configuration: seconds}} of (configuration, pool) by fresh downloads."""
    first = measure(points, options.judged, rng, folder)
    fastest = {pool: min(t for t, (_, p) in zip(first, points) if p == pool) for _, pool in points}
    near = [i for i, (_, pool) in enumerate(points) if first[i] <= 1.2 * fastest[pool]]
    for i, seconds in zip(near, measure([points[i] for i in near], 3 * options.judged, rng, folder)):
        first[i] = seconds
    truth = {pool: {} for _, pool in points}
    for (configuration, pool), seconds in zip(points, first):
        truth[pool][key_of(configuration)] = seconds
    return truth


def leaders(reports):
    """[(seconds, configuration)] whenever a report was the best so far."""
    found, best = [], None
    for seconds, value, configuration in sorted(reports, key=lambda report: report[0]):
        if best is None or value < best:
            best = value
            found.append((seconds, configuration))
    return found


def time_to(history, times, limit):
    """When the leader came to be within the limit for good; None if it never did."""
    since = None
    for seconds, configuration in history:
        near = times[key_of(configuration)] <= limit
        since = (since if since is not None else seconds) if near else None
    return since


def start_server(tool, options):
    server = subprocess.Popen([tool, "s3", "sim", "--profile", options.profile, "--object", f"bench/obj={options.size}",
                               "--port", "0", "--seed", "1", "--exit-with-parent"], stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        if found := re.search(r"listening on (\S+)", line):
            return server, found[1]
    sys.exit("aws_sample: the server did not start")


def key_of(configuration):
    return json.dumps(configuration, sort_keys=True)


def print_table(histories, truth, options):
    print("\n| contestant | seconds to within 5 %, by seed | median | its leader at the end, times the best known | "
          "reports |\n|---|---|---|---|---|")
    for name, (pool, runs) in histories.items():
        best = min(truth[pool].values())
        reached = [time_to(leaders(reports), truth[pool], 1.05 * best) for reports in runs]
        ends = [truth[pool][key_of(leaders(reports)[-1][1])] / best if reports else float("nan") for reports in runs]
        middle = statistics.median(r if r is not None else float("inf") for r in reached)
        text = [f"{r:.0f}" if r is not None else "never" for r in reached]
        median = f"{middle:.0f}" if middle < float("inf") else f"> {options.seconds:.0f}"
        cells = [name, ", ".join(text), median, ", ".join(f"{e:.2f}" for e in ends), ", ".join(str(len(r)) for r in runs)]
        print(f"| {' | '.join(cells)} |", flush=True)


def search(tool, package, options, environment, endpoint, rng, folder):
    """The reports of every contestant and seed, and the grid's best: what --json keeps."""
    best = {pool: best_known(pool, rng, folder) for pool in (SMALL_POOL, LARGE_POOL)}
    ours = {**environment, "PYTHONPATH": package}
    contestants = {}
    for mode in ("bayes_fifo", "bayes_hyperband"):
        contestants[f"Syne Tune, {mode}"] = (SMALL_POOL, lambda seed, mode=mode: run_sample(
            [options.syne_tune_python], mode, seed, options, environment))
        contestants[f"drop-in, {mode}"] = (SMALL_POOL, lambda seed, mode=mode: run_sample(
            [sys.executable, "-m", "skipjack.syne_tune"], mode, seed, options, ours))
    contestants["s3 tune --client boto3"] = (LARGE_POOL, lambda seed: run_s3_tune(
        tool, seed, options, environment, endpoint, folder))
    histories = {name: (pool, []) for name, (pool, _) in contestants.items()}
    for seed in range(1, options.seeds + 1):
        for name in rng.sample(list(contestants), len(contestants)):
            reports = contestants[name][1](seed)
            histories[name][1].append(reports)
            print(f"seed {seed}, {name}: {len(reports)} reports, best "
                  f"{min((value for _, value, _ in reports), default=float('nan')):.3f} s, load "
                  f"{os.getloadavg()[0]:.1f}", flush=True)
    return {"histories": histories, "grid": best}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", required=True)
    parser.add_argument("--syne-tune-python", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--size", default="192MiB")
    parser.add_argument("--profile", default="ec2-small")
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--judged", type=int, default=4, help="downloads of each leader; three times as many if it is near")
    parser.add_argument("--json")
    parser.add_argument("--judge", metavar="FILE", help="judge the reports that --json kept, without a search")
    options = parser.parse_args()
    package = str(pathlib.Path(options.package).resolve())
    tool = str(pathlib.Path(package, "skipjack", "bin", "skipjack"))
    rng = random.Random(1)
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    commit = subprocess.run(["git", "-C", root, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    print(f"commit {commit.stdout.strip()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {options.size}, "
          f"profile {options.profile}, {options.seconds:g} s of search each", flush=True)
    server, endpoint = start_server(tool, options)
    os.environ.update(AWS_ENDPOINT_URL=endpoint, AWS_ACCESS_KEY_ID="AKIDBENCH", AWS_SECRET_ACCESS_KEY="of-the-bench",
                      AWS_DEFAULT_REGION="us-east-1")
    try:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            environment = {**os.environ, "SAMPLE_FOLDER": folder, "SKIPJACK_HOME": os.path.join(folder, "experiments")}
            measure([(DEFAULTS, SMALL_POOL)], 3, rng, folder)  # memory that the machine had not touched yet
            if options.judge:
                kept = json.loads(pathlib.Path(options.judge).read_text())
            else:
                kept = search(tool, package, options, environment, endpoint, rng, folder)
            histories, best = kept["histories"], kept["grid"]
            points = {(key_of(c), pool): (c, pool) for pool, runs in histories.values()
                      for reports in runs for _, c in leaders(reports)}
            points.update({(key_of(c), pool): (c, pool) for pool, c in best.items()})
            points.update({(key_of(DEFAULTS), pool): (DEFAULTS, pool) for pool in best})
            truth = judge(list(points.values()), options, rng, folder)
            for pool, times in truth.items():
                text = min(times, key=times.get)
                print(f"judged on fresh downloads, {pool}: best known {text}, {times[text]:.3f} s; the grid's best "
                      f"{times[key_of(best[pool])]:.3f} s; boto3's values {times[key_of(DEFAULTS)]:.3f} s; load "
                      f"{os.getloadavg()[0]:.1f}")
            print_table(histories, truth, options)
            if options.json:
                pathlib.Path(options.json).write_text(json.dumps({**kept, "truth": truth}))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
