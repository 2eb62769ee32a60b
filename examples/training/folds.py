"""Cross-validation as a resource: the mean squared error of a nearest-neighbour regression over the folds done so far,
one report a fold. A few folds tell whether the rest is worth doing. Goes on from its checkpoint."""
import argparse
import math
import random

from worker import add_checkpoint_argument, load, save_and_report


def rows():
    rng = random.Random(1)
    xs = [(rng.random(), rng.random()) for _ in range(90)]
    return [(x, math.sin(6 * x[0]) + x[1] + rng.gauss(0, 0.3)) for x in xs]


def predict(known, x, neighbours, power, stretch):
    def distance(other):
        return abs(other[0] - x[0]) ** power + (stretch * abs(other[1] - x[1])) ** power
    nearest = sorted(known, key=lambda row: distance(row[0]))[:neighbours]
    return sum(y for _, y in nearest) / len(nearest)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--neighbours", type=int, required=True)
    parser.add_argument("--power", type=float, default=2.0)
    parser.add_argument("--stretch", type=float, default=1.0)
    parser.add_argument("--folds", type=int, default=9)
    add_checkpoint_argument(parser)
    args = parser.parse_args()

    data = rows()
    state = load(args) or {"fold": 0, "sum": 0.0, "count": 0}
    for fold in range(state["fold"] + 1, args.folds + 1):
        held_out = data[fold - 1::9]
        known = [row for i, row in enumerate(data) if i % 9 != fold - 1]
        errors = [(predict(known, x, args.neighbours, args.power, args.stretch) - y) ** 2 for x, y in held_out]
        state = {"fold": fold, "sum": state["sum"] + sum(errors), "count": state["count"] + len(errors)}
        save_and_report(args, state, fold=fold, error=state["sum"] / state["count"])


if __name__ == "__main__":
    main()
