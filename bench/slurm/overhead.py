#!/usr/bin/env python3
"""What Slurm jobs as trials cost: 200 short ones, by skipjack and by sbatch in a loop that asks squeue every second, in
turn, on one cluster.

  tests/slurm/cluster run bench/slurm/overhead.py --skipjack build/release/bin/skipjack [--trials 200] [--workers 16]

Every trial has to have reported. Waiting for a start and the time from an end to the next submission are seconds, median and
90th percentile; calls are those of sbatch, squeue and scancel for each trial."""
import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

WORKER = """#!/bin/bash
begin=$(date +%s.%N)
sleep 0.2
echo "[tune-metric]: {\\"loss\\": $2, \\"begin\\": $begin, \\"end\\": $(date +%s.%N)}"
"""


def counting_path(folder):
    """A folder for PATH in which Slurm's commands count their calls."""
    shims = folder / "bin"
    shims.mkdir()
    for name in ("sbatch", "squeue", "scancel"):
        (shims / name).write_text(f"#!/bin/sh\necho {name} >>{folder}/calls\nexec {shutil.which(name)} \"$@\"\n")
        (shims / name).chmod(0o755)
    return f"{shims}:{os.environ['PATH']}"


def by_skipjack(folder, options, environment):
    (folder / "space.yaml").write_text("x: uniform(0, 1)\n")
    subprocess.run([options.skipjack, "tune", "--entry-point", "worker.sh", "--space", "space.yaml", "--metric", "loss",
                    "--method", "random", "--name", "bench", "--backend", "slurm", "--workers", str(options.workers),
                    "--max-trials", str(options.trials), "--at-end", "wait", "--quiet", "--experiments-dir", "home"],
                   cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    shown = subprocess.run([options.skipjack, "show", "bench", "--json", "--experiments-dir", "home"], cwd=folder,
                           check=True, text=True, capture_output=True)
    trials = json.loads(shown.stdout)["trials"]
    assert all(trial["status"] == "completed" for trial in trials), "a trial failed"
    return [((folder / f"home/bench/trials/{trial['trial_id']}/attempt-0.sh").stat().st_mtime,
             trial["reports"][0]["begin"], trial["reports"][0]["end"]) for trial in trials]


def by_loop(folder, options, environment):
    submitted, running = {}, {}
    while len(submitted) < options.trials or running:
        while len(running) < options.workers and len(submitted) < options.trials:
            number = len(submitted)
            submitted[number] = time.time()
            job = subprocess.run(["sbatch", "--parsable", f"--output={folder}/{number}.out", "worker.sh", "--x", "0.5"],
                                 cwd=folder, env=environment, check=True, text=True, capture_output=True)
            running[job.stdout.strip()] = number
        time.sleep(1)
        listed = subprocess.run(["squeue", "--me", "--noheader", "--format=%i"], env=environment, check=True, text=True,
                                capture_output=True).stdout.split()
        running = {job: number for job, number in running.items() if job in listed}
    times = []
    for number, begin in submitted.items():
        report = json.loads((folder / f"{number}.out").read_text().split("]: ")[1])
        times.append((begin, report["begin"], report["end"]))
    return times


def spread(values):
    ordered = sorted(values)
    return f"{statistics.median(ordered):.2f} / {ordered[int(0.9 * (len(ordered) - 1))]:.2f}"


def measure(run, options):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="overhead-", dir=os.environ["SKIPJACK_SLURM_FOLDER"]))
    (folder / "worker.sh").write_text(WORKER)
    (folder / "worker.sh").chmod(0o755)
    environment = dict(os.environ, PATH=counting_path(folder))
    began = time.monotonic()
    times = run(folder, options, environment)
    seconds = time.monotonic() - began
    assert len(times) == options.trials
    calls = (folder / "calls").read_text().split()
    submissions, ends = sorted(t[0] for t in times), sorted(t[2] for t in times)
    gaps = [later - end for later, end in zip(submissions[options.workers:], ends)]
    return seconds, spread([begin - submission for submission, begin, _ in times]), spread(gaps), \
        {name: calls.count(name) / options.trials for name in ("sbatch", "squeue", "scancel")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skipjack", required=True, type=lambda path: str(pathlib.Path(path).absolute()))
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    version = subprocess.run(["sinfo", "--version"], text=True, capture_output=True).stdout.strip()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], text=True, capture_output=True,
                            cwd=pathlib.Path(__file__).parent).stdout.strip()
    print(f"{options.trials} trials of 0.2 s, {options.workers} at a time; {version}, four nodes on one machine of "
          f"{os.cpu_count()} processors ({platform.machine()}), commit {commit}\n")
    print("| | round | all, s | submission to start, s | end to next submission, s | calls a trial |")
    print("|---|---|---|---|---|---|")
    for round_number in range(options.rounds):
        for name, run in (("skipjack", by_skipjack), ("sbatch in a loop", by_loop)):
            seconds, start, gap, calls = measure(run, options)
            told = ", ".join(f"{key} {value:.2f}" for key, value in calls.items() if value > 0)
            print(f"| {name} | {round_number + 1} | {seconds:.1f} | {start} | {gap} | {told} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
