"""How long it takes to compress a text so that at most a quarter of it is left: the block size, the algorithm and its
effort decide. After each part of the text it reports how much is done and the seconds so far, so that `progress_bayesopt`
needs no second look at what is slow. What does not get the text small enough fails."""
import argparse
import bz2
import lzma
import random
import time
import zlib

from worker import report

COMPRESS = {
    "zlib": lambda block, effort: zlib.compress(block, effort),
    "bz2": lambda block, effort: bz2.compress(block, effort),
    "lzma": lambda block, effort: lzma.compress(block, preset=effort),
}


def text_of(size):
    """Lines of a log: much in them repeats, the numbers don't."""
    chance = random.Random(7)
    lines, length = [], 0
    while length < size:
        line = f"{length:012d} GET /object/{chance.randrange(10**6)} 200 served by worker {chance.randrange(8)}\n"
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()[:size]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--algorithm", choices=sorted(COMPRESS), required=True)
    parser.add_argument("--effort", type=int, required=True)
    parser.add_argument("--block_kib", type=int, required=True)
    parser.add_argument("--mib", type=float, default=2)
    parser.add_argument("--largest_share", type=float, default=0.25)
    args, _ = parser.parse_known_args()

    text, block = text_of(int(args.mib * 2**20)), args.block_kib * 2**10
    parts = list(range(0, len(text), block))
    compressed, said = 0, 0
    start = time.perf_counter()
    for number, begin in enumerate(parts, 1):
        compressed += len(COMPRESS[args.algorithm](text[begin:begin + block], args.effort))
        # Twenty reports are enough.
        if number == len(parts) and compressed > args.largest_share * len(text):
            raise SystemExit(f"{compressed / len(text):.3f} of the text is left")
        if number == len(parts) or number / len(parts) >= said + 0.05:
            said = number / len(parts)
            report({"progress": said, "seconds": time.perf_counter() - start})


if __name__ == "__main__":
    main()
