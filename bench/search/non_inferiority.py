#!/usr/bin/env python3
"""Is a method as good as another's of the same name? Reads what skipjack bench search --json wrote, in one file or
several (of other methods, problems or seeds; all else must be the same), and prints a table:

    python3 bench/search/non_inferiority.py --margin 0.1 --pair asha=st-asha mobster=st-mobster -- ours.json theirs.json

A row is of a pair, over the problems that both were played on; with --by-problem, of a pair and one problem. Regrets
are paired by problem and seed, and what only one of the two played is left out. No worse: the mean of ours - (1 +
margin) theirs is below 0. Better: that of ours - theirs is. Both by a one-sided test that flips the signs of the
differences at random, 20,000 times, and with Holm's correction over all rows. The interval is of the ratio of the
means, by the bootstrap over seeds within each problem.
"""
import argparse
import json
import random
import sys

FLIPS, RESAMPLES = 20_000, 2_000


def read(paths, measure):
    """{method: {problem: {seed: regret}}}; files must agree on settings but methods and seeds."""
    regrets, settings = {}, None
    for path in paths:
        with open(path) as file:
            content = json.load(file)
        first = content["settings"]["first_seed"]
        its = {key: value for key, value in content["settings"].items()
               if key not in ("methods", "jobs", "first_seed", "seeds")}
        if settings not in (None, its):
            sys.exit(f"{path}: {its} is not comparable with {settings}")
        settings = its
        for problem, methods in content["problems"].items():
            for method, runs in methods.items():
                known = regrets.setdefault(method, {}).setdefault(problem, {})
                for seed, regret in enumerate(runs[measure], first):
                    if known.setdefault(seed, regret) != regret:
                        sys.exit(f"{path}: {method} on {problem} with seed {seed} has {regret}, "
                                 f"and {known[seed]} in another file")
    return regrets


def paired(ours, theirs):
    """The same for both, {problem: [regret of each seed]}, of what both played."""
    result = {}, {}
    for problem in ours:
        seeds = sorted(set(ours[problem]) & set(theirs.get(problem, {})))
        if seeds:
            for its, side in zip((ours, theirs), result):
                side[problem] = [its[problem][seed] for seed in seeds]
    return result


def p_below_zero(groups, rng):
    """One-sided, of differences in groups of equal weight."""
    weighted = [difference / len(group) for group in groups for difference in group]
    seen = sum(weighted)
    sizes = [abs(w) for w in weighted]
    as_small = 0
    for _ in range(FLIPS):
        bits = rng.getrandbits(len(sizes))
        total = 0.0
        for size in sizes:
            total += size if bits & 1 else -size
            bits >>= 1
        as_small += total <= seen
    return (as_small + 1) / (FLIPS + 1)


def mean(values):
    return sum(values) / len(values)


def ratio_interval(ours, theirs, rng):
    ratios = []
    for _ in range(RESAMPLES):
        sums = [0.0, 0.0]
        for problem in ours:
            n = len(ours[problem])
            for _ in range(n):
                i = int(rng.random() * n)
                sums[0] += ours[problem][i] / n
                sums[1] += theirs[problem][i] / n
        ratios.append(sums[0] / sums[1] if sums[1] > 0 else 1.0 if sums[0] == 0 else float("inf"))
    ratios.sort()
    return ratios[int(0.025 * RESAMPLES)], ratios[int(0.975 * RESAMPLES) - 1]


def holm(p_values):
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, (len(p_values) - rank) * p_values[i])
        adjusted[i] = min(1.0, largest)
    return adjusted


def shown(p):
    return f"{p:.4f}" if p >= 0.00005 else "< 0.0001"


def compare(ours, theirs, margin):
    rng = random.Random(1)
    low, high = ratio_interval(ours, theirs, rng)
    return {
        "ours": mean([mean(v) for v in ours.values()]),
        "theirs": mean([mean(v) for v in theirs.values()]),
        "low": low, "high": high,
        "worse": p_below_zero([[a - (1 + margin) * b for a, b in zip(ours[p], theirs[p])] for p in ours], rng),
        "better": p_below_zero([[a - b for a, b in zip(ours[p], theirs[p])] for p in ours], rng),
        "pairs": sum(len(v) for v in ours.values()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--margin", type=float, default=0.1, help="by how much ours may be worse; default 0.1")
    parser.add_argument("--measure", default="anytime_regret", help="key in the files; default anytime_regret")
    parser.add_argument("--by-problem", action="store_true", help="a row for each problem")
    parser.add_argument("--pair", nargs="+", required=True, help="OURS=THEIRS, labels in the files")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    regrets = read(arguments.files, arguments.measure)
    rows = []
    for pair in arguments.pair:
        names = pair.rpartition("=")[::2]
        for label in names:
            if label not in regrets:
                sys.exit(f"{label} is in none of the files; there are: {', '.join(sorted(regrets))}")
        ours, theirs = paired(*(regrets[label] for label in names))
        if not ours:
            sys.exit(f"{pair}: no problem and seed that both played")
        for problems in [[problem] for problem in ours] if arguments.by_problem else [list(ours)]:
            row = compare({p: ours[p] for p in problems}, {p: theirs[p] for p in problems}, arguments.margin)
            rows.append((*names, problems[0] if arguments.by_problem else len(problems), row))
    no_worse = holm([row["worse"] for *_, row in rows])
    better = holm([row["better"] for *_, row in rows])
    print("| method | beside | problems | pairs | ours | theirs | ratio (95 %) | p no worse | p better |")
    print("|---|---|---|---|---|---|---|---|---|")
    for (ours, theirs, problems, row), p_no_worse, p_better in zip(rows, no_worse, better):
        ratio = row["ours"] / row["theirs"] if row["theirs"] > 0 else float("inf")
        print(f"| {ours} | {theirs} | {problems} | {row['pairs']} | {row['ours']:.3f} | {row['theirs']:.3f} | "
              f"{ratio:.2f} ({row['low']:.2f} to {row['high']:.2f}) | {shown(p_no_worse)} | {shown(p_better)} |")


if __name__ == "__main__":
    main()
