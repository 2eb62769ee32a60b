"""The toy problem of population-based training [Jaderberg2017, sec. 3.2]: maximise 1.2 - (t0^2 + t1^2) by gradient
ascent on the surrogate 1.2 - (h0 t0^2 + h1 t1^2). Either hyperparameter alone leaves one weight where it was; only
who changes them on the way comes near 1.2 fast. Goes on from its checkpoint, its own or another trial's."""
import argparse

from worker import add_checkpoint_argument, load, save_and_report


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--h0", type=float, required=True)
    parser.add_argument("--h1", type=float, required=True)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--steps", type=int, default=40)
    add_checkpoint_argument(parser)
    args = parser.parse_args()

    state = load(args) or {"step": 0, "theta": [0.9, 0.9]}
    theta = state["theta"]
    for step in range(state["step"] + 1, args.steps + 1):
        theta[0] -= args.rate * 2 * args.h0 * theta[0]
        theta[1] -= args.rate * 2 * args.h1 * theta[1]
        save_and_report(args, {"step": step, "theta": theta}, step=step, score=1.2 - theta[0] ** 2 - theta[1] ** 2)


if __name__ == "__main__":
    main()
