#!/usr/bin/env python3
"""The searches of AWS's sample where a download costs nothing: the schedulers of aws_sample.py in a loop of their own
over a formula of its job, so that many seeds can be had. For each number of reports: how many runs' leader was truly
within 5 % of the best, and how far the leaders were from it. Under an interpreter with Syne Tune, or with --drop-in
under one with skipjack; what it shows is a property of the formula.

    PYTHONPATH=build/ci/python python3 bench/s3tune/aws_sample_rehearsal.py bayes_fifo --drop-in --seeds 100
    PYTHON_WITH_SYNE_TUNE bench/s3tune/aws_sample_rehearsal.py bayes_fifo --seeds 20
"""
import argparse
import datetime
import logging
import math
import random
import statistics

SIZE = 128 << 20
DOWNLOADS = 3
NOISE = 0.05  # standard deviation of the logarithm
CHECKPOINTS = [3, 5, 6, 8, 10, 15, 20, 30, 40, 60]


def seconds_of(configuration):
    """Roughly boto3 behind the profile ec2-small: 25 MB/s a connection, 600 MB/s in all, 22 ms a request; processor
    time by bytes, parts, threads and pieces that are read."""
    part = configuration["multipart_chunksize"]
    parts = math.ceil(SIZE / part)
    connections = min(configuration["max_concurrency"], parts)
    rate = min(25e6, 600e6 / connections)
    if parts > connections:
        network = SIZE / (connections * rate) + 0.022 * parts / connections + 0.5 * part / rate
    else:
        network = 0.022 + min(part, SIZE) / rate
    pieces = SIZE / min(configuration["io_chunksize"], part)
    processor = 0.3 * SIZE / (192 << 20) + 0.004 * parts + 0.002 * connections + 25e-6 * pieces
    return 0.1 + (network**4 + processor**4) ** 0.25


def best_seconds():
    """Over the whole space: of the sizes that make the same number of parts the least is best, connections beyond the
    parts are none, and pieces are best as large as they may be."""
    parts = [max(10**6, math.ceil(SIZE / number)) for number in range(1, math.ceil(SIZE / 10**6) + 1)]
    return min(seconds_of({"max_concurrency": connections, "multipart_chunksize": part, "io_chunksize": 10**9})
               for connections in range(10, len(parts) + 1) for part in parts)


def make_scheduler(mode, seed):
    from syne_tune.config_space import lograndint, randint
    from syne_tune.optimizer.schedulers import FIFOScheduler, HyperbandScheduler

    space = {"n_downloads": DOWNLOADS, "max_concurrency": randint(10, 1000), "max_io_queue": lograndint(100, 10**5),
             "io_chunksize": lograndint(1000, 10**9), "multipart_chunksize": lograndint(10**6, 10**10)}
    common = {"metric": "avg_download_time", "mode": "min", "random_seed": seed}
    if mode == "random":
        return FIFOScheduler(space, searcher="random", **common)
    if mode == "bayes_fifo":
        return FIFOScheduler(space, searcher="bayesopt", search_options={"debug_log": False}, **common)
    options = {"num_init_random": 3, "gp_resource_kernel": "cross-validation", "debug_log": False}
    return HyperbandScheduler(space, searcher="bayesopt", type="promotion", search_options=options,
                              rung_levels=list(range(1, DOWNLOADS + 1)), resource_attr="download_attempts",
                              max_resource_attr="n_downloads", **common)


def reports_of(mode, seed, number):
    """[(reported, true seconds)] of so many reports."""
    from syne_tune.backend.trial_status import Trial

    scheduler, rng = make_scheduler(mode, seed), random.Random(seed * 7 + 1)
    trials, sums, reports = {}, {}, []
    while len(reports) < number:
        suggestion = scheduler.suggest(len(trials))
        key = len(trials) if suggestion.spawn_new_trial_id else suggestion.checkpoint_trial_id
        if key not in trials:
            trials[key] = Trial(key, suggestion.config, datetime.datetime.now())
            sums[key] = []
            scheduler.on_trial_add(trials[key])
        elif suggestion.config:
            trials[key].config = suggestion.config
        truth, decision, result = seconds_of(trials[key].config), "CONTINUE", None
        while decision == "CONTINUE" and len(sums[key]) < DOWNLOADS:
            sums[key].append(truth * math.exp(NOISE * rng.gauss(0, 1)))
            if mode != "bayes_hyperband" and len(sums[key]) < DOWNLOADS:
                continue
            result = {"avg_download_time": statistics.mean(sums[key]), "download_attempts": len(sums[key])}
            reports.append((result["avg_download_time"], truth))
            decision = scheduler.on_trial_result(trials[key], result)
        if decision != "CONTINUE":
            scheduler.on_trial_remove(trials[key])
        elif result is not None:
            scheduler.on_trial_complete(trials[key], result)
    return reports


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["bayes_fifo", "bayes_hyperband", "random"])
    parser.add_argument("--drop-in", action="store_true", help="skipjack's answer to Syne Tune's names")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--reports", type=int, default=30)
    options = parser.parse_args()
    if options.drop_in:
        import skipjack.syne_tune

        skipjack.syne_tune.install()
    logging.disable(logging.CRITICAL)
    best = best_seconds()
    runs = [reports_of(options.mode, seed, options.reports) for seed in range(1, options.seeds + 1)]
    print(f"{'drop-in' if options.drop_in else 'Syne Tune'}, {options.mode}, {options.seeds} seeds; best {best:.3f} s\n"
          "| reports | within 5 % | median leader, times the best |\n|---|---|---|")
    for number in CHECKPOINTS:
        if number > options.reports:
            break
        leaders = [min(reports[:number])[1] / best for reports in runs]
        print(f"| {number} | {sum(leader <= 1.05 for leader in leaders)} | {statistics.median(leaders):.2f} |")


if __name__ == "__main__":
    main()
