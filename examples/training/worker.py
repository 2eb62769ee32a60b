"""What the scripts of this folder share: reports, and checkpoints that survive a kill at any moment."""
import json
import os
import sys
import time

_start = time.perf_counter()
_count = 0


def report(metrics):
    """One line for the tuner."""
    global _count
    extra = {"st_worker_timestamp": time.time(), "st_worker_time": time.perf_counter() - _start,
             "st_worker_iter": _count}
    _count += 1
    print("[tune-metric]: " + json.dumps({**metrics, **extra}))
    sys.stdout.flush()


def add_checkpoint_argument(parser):
    parser.add_argument("--st_checkpoint_dir", default=None)


def save_and_report(args, state, **metrics):
    """The checkpoint first: after a report the script may be paused or killed. It is written in one step, so that a
    reader sees the old file or the new one."""
    if args.st_checkpoint_dir is not None:
        os.makedirs(args.st_checkpoint_dir, exist_ok=True)
        partial = os.path.join(args.st_checkpoint_dir, f"checkpoint.{os.getpid()}.tmp")
        with open(partial, "w", encoding="utf-8") as file:
            json.dump({"state": state, "metrics": metrics}, file)
        os.replace(partial, os.path.join(args.st_checkpoint_dir, "checkpoint.json"))
    report(metrics)


def load(args):
    """The state that was saved last; None at the beginning, and when nobody keeps checkpoints. Says again what was
    reported with it, since nobody may have heard it: a repeated level is passed over."""
    if args.st_checkpoint_dir is None:
        return None
    try:
        with open(os.path.join(args.st_checkpoint_dir, "checkpoint.json"), encoding="utf-8") as file:
            checkpoint = json.load(file)
    except FileNotFoundError:
        return None
    report(checkpoint["metrics"])
    return checkpoint["state"]
