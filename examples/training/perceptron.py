"""A network with one hidden layer, trained with momentum to tell two spirals apart; accuracy on held-out points after
each epoch, to be maximised. Goes on from its checkpoint."""
import argparse
import math
import random

from worker import add_checkpoint_argument, load, save_and_report


def spirals(count, seed):
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        turn, label = 3.0 * rng.random(), i % 2
        angle = 2.0 * turn + math.pi * label
        rows.append(((turn * math.cos(angle) / 3 + rng.gauss(0, 0.02), turn * math.sin(angle) / 3 + rng.gauss(0, 0.02)),
                     1.0 if label else -1.0))
    return rows


def forward(network, x):
    hidden = [math.tanh(a * x[0] + b * x[1] + c) for a, b, c, _ in network["units"]]
    return hidden, math.tanh(network["bias"] + sum(h * unit[3] for h, unit in zip(hidden, network["units"])))


def train(network, velocity, rows, rate, momentum):
    for x, label in rows:
        hidden, output = forward(network, x)
        slope = (output - label) * (1 - output * output)
        velocity["bias"] = momentum * velocity["bias"] - rate * slope
        network["bias"] += velocity["bias"]
        for h, unit, speed in zip(hidden, network["units"], velocity["units"]):
            back = slope * unit[3] * (1 - h * h)
            for k, gradient in enumerate((back * x[0], back * x[1], back, slope * h)):
                speed[k] = momentum * speed[k] - rate * gradient
                unit[k] += speed[k]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--units", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--momentum", type=float, default=0.0)
    parser.add_argument("--epochs", type=int, default=9)
    add_checkpoint_argument(parser)
    args = parser.parse_args()

    rows, held_out = spirals(90, 1), spirals(100, 2)
    state = load(args)
    if state is None:
        rng = random.Random(3)
        units = [[rng.gauss(0, 2), rng.gauss(0, 2), rng.gauss(0, 1), rng.gauss(0, 0.5)] for _ in range(args.units)]
        state = {"epoch": 0, "network": {"bias": 0.0, "units": units},
                 "velocity": {"bias": 0.0, "units": [[0.0] * 4 for _ in range(args.units)]}}
    for epoch in range(state["epoch"] + 1, args.epochs + 1):
        order = rows[:]
        random.Random(epoch).shuffle(order)
        train(state["network"], state["velocity"], order, args.rate, args.momentum)
        state["epoch"] = epoch
        right = sum((forward(state["network"], x)[1] > 0) == (label > 0) for x, label in held_out)
        save_and_report(args, state, epoch=epoch, accuracy=right / len(held_out))


if __name__ == "__main__":
    main()
