"""Simulated annealing of a round trip through 24 towns; its length after each sweep. Nothing to do with learning: any
program with a notion of progress will do. Goes on from its checkpoint."""
import argparse
import math
import random

from worker import add_checkpoint_argument, load, save_and_report


def towns():
    rng = random.Random(1)
    return [(rng.random(), rng.random()) for _ in range(24)]


def length(places, tour):
    return sum(math.dist(places[a], places[b]) for a, b in zip(tour, tour[1:] + tour[:1]))


def sweep(places, tour, temperature, moves, rng):
    now = length(places, tour)
    for _ in range(moves):
        i, j = sorted(rng.sample(range(len(tour)), 2))
        other = tour[:i] + tour[i:j + 1][::-1] + tour[j + 1:]
        then = length(places, other)
        if then < now or rng.random() < math.exp((now - then) / temperature):
            tour, now = other, then
    return tour, now


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--temperature", type=float, required=True)
    parser.add_argument("--cooling", type=float, required=True)
    parser.add_argument("--sweeps", type=int, default=9)
    add_checkpoint_argument(parser)
    args = parser.parse_args()

    places = towns()
    state = load(args) or {"sweep": 0, "tour": list(range(len(places)))}
    for number in range(state["sweep"] + 1, args.sweeps + 1):
        temperature = args.temperature * args.cooling ** (number - 1)
        tour, now = sweep(places, state["tour"], temperature, 200, random.Random(number))
        state = {"sweep": number, "tour": tour}
        save_and_report(args, state, sweep=number, length=now)


if __name__ == "__main__":
    main()
