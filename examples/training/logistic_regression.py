"""Logistic regression by stochastic gradient descent on two overlapping clouds of points; the loss on held-out points
after each epoch. Goes on from its checkpoint."""
import argparse
import math
import random

from worker import add_checkpoint_argument, load, save_and_report

DIMENSION = 6


def points(count, seed):
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        label = rng.randrange(2)
        rows.append(([1.0] + [rng.gauss(0.6 * label * (k % 3), 1.0) for k in range(DIMENSION)], label))
    return rows


def probability(weights, x):
    z = sum(w * v for w, v in zip(weights, x))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, z))))


def loss(weights, rows):
    return -sum(math.log(max(1e-12, probability(weights, x) if label else 1 - probability(weights, x)))
                for x, label in rows) / len(rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning_rate", type=float, required=True)
    parser.add_argument("--decay", type=float, default=0.0)
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=9)
    add_checkpoint_argument(parser)
    args = parser.parse_args()

    train, held_out = points(120, 1), points(80, 2)
    state = load(args) or {"epoch": 0, "weights": [0.0] * (DIMENSION + 1)}
    weights = state["weights"]
    for epoch in range(state["epoch"] + 1, args.epochs + 1):
        rows = train[:]
        random.Random(epoch).shuffle(rows)
        for begin in range(0, len(rows), args.batch_size):
            batch = rows[begin:begin + args.batch_size]
            errors = [probability(weights, x) - label for x, label in batch]
            for k in range(len(weights)):
                slope = sum(e * x[k] for e, (x, _) in zip(errors, batch)) / len(batch)
                weights[k] -= args.learning_rate * (slope + args.decay * weights[k])
        save_and_report(args, {"epoch": epoch, "weights": weights}, epoch=epoch, loss=loss(weights, held_out))


if __name__ == "__main__":
    main()
