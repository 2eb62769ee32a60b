#!/usr/bin/env python3
"""Packs YAHPO Gym's surrogate of LCBench into the one file that benchmark/lcbench.h reads.

Development only; needs onnx, onnxruntime and numpy, in an environment of its own:

    python3 -m venv env && env/bin/pip install onnx==1.23.2 onnxruntime==1.32.0
    env/bin/python bench/data/make_lcbench.py LCBENCH_FOLDER bench/data/lcbench/surrogate.gz \\
        --fixture tests/benchmark/lcbench_onnx.txt

LCBENCH_FOLDER holds model.onnx, config_space.json and encoding.json of yahpo_data/lcbench. What changes: the
embedding of the task becomes a bias of the first layer, the batch normalisations before the gated layers become part
of their weights, three of six outputs are kept, offsets of 1e-12 in logarithms are dropped. The packed network is
checked against onnxruntime on random inputs before it is written. Also found here: the best and the median value of
each task at the last epoch, the ends of the scale of regret.

The file is gzip: one line of JSON, then float32 little-endian arrays in the order of its "arrays"."""
import argparse
import gzip
import json
import math
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

# Order of the network's inputs and outputs, as YAHPO Gym's benchmarks/lcbench.py gives it.
INPUTS = ["epoch", "batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units", "max_dropout"]
PARAMETERS = INPUTS[1:]
OUTPUTS = {"seconds": 0, "validation_accuracy": 1, "validation_cross_entropy": 2}
BEST = {"validation_accuracy": max, "validation_cross_entropy": min}
NUM_EPOCHS = 52
NUM_BLOCKS = 3


class Surrogate:
    """The original, run by onnxruntime."""

    def __init__(self, folder):
        self.model = onnx.load(folder / "model.onnx")
        self.encoding = json.loads((folder / "encoding.json").read_text())["OpenML_task_id"]
        space = json.loads((folder / "config_space.json").read_text())["hyperparameters"]
        self.domains = {h["name"]: h for h in space}
        self.tasks = self.domains["OpenML_task_id"]["choices"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)

    def __call__(self, task, x):
        """x (n, 8), in the order of INPUTS; returns (n, 3), in the order of OUTPUTS."""
        category = np.full((len(x), 1), self.encoding[task], dtype=np.int32)
        y = self.session.run(None, {"x_cat": category, "x_cont": np.asarray(x, dtype=np.float32)})[0]
        return y[:, list(OUTPUTS.values())]

    def decode(self, unit, epoch):
        """unit (n, 7) in the unit cube; returns (n, 8)."""
        columns = [np.full(len(unit), float(epoch))]
        for k, name in enumerate(PARAMETERS):
            domain = self.domains[name]
            lower, upper = domain["lower"], domain["upper"]
            u = np.clip(unit[:, k], 0, 1)
            value = np.exp(math.log(lower) + u * math.log(upper / lower)) if domain["log"] else lower + u * (upper - lower)
            columns.append(np.round(value) if domain["type"] == "uniform_int" else np.clip(value, lower, upper))
        return np.stack(columns, axis=1)


def transforms(model):
    """What the graph does to each input before the first layer, and to each output after the last."""
    graph = model.graph
    constants = {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
    readers = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def follow(name, wanted):
        """The operations with a constant (and Log, Exp) after name, up to the next reshaping."""
        steps = []
        while len(readers[name]) == 1 and readers[name][0].op_type in wanted + ["Cast"]:
            node = readers[name][0]
            if node.op_type != "Cast":
                steps.append((node.op_type, [float(constants[i]) for i in node.input if i in constants]))
            name = node.output[0]
        return steps

    def gathers(name):
        nodes = [n for n in readers[name] if n.op_type == "Gather"]
        return {int(constants[n.input[1]]): n.output[0] for n in nodes}

    inputs, outputs = {}, {}
    for index, name in gathers("x_cont").items():
        steps = follow(name, ["Add", "Log", "Sub", "Div"])
        logarithm = steps[:2] == [("Add", [float(np.float32(1e-12))]), ("Log", [])]
        (subtract, (shift,)), (divide, (scale,)) = steps[2 if logarithm else 0:]
        assert (subtract, divide) == ("Sub", "Div")
        inputs[INPUTS[index]] = {"log": logarithm, "shift": shift, "scale": scale}
    sigmoid = next(n for n in graph.node if n.op_type == "Sigmoid").output[0]
    for index, name in gathers(sigmoid).items():
        steps = follow(name, ["Mul", "Add", "Exp", "Sub"])
        (multiply, (scale,)), (add, (shift,)) = steps[:2]
        assert (multiply, add) == ("Mul", "Add") and [s[0] for s in steps[2:]] in ([], ["Exp", "Sub"])
        outputs[index] = {"exp": len(steps) > 2, "scale": scale, "shift": shift}
    return inputs, {name: outputs[index] for name, index in OUTPUTS.items()}


def pack(surrogate):
    """Name to float32 array, in the order in which they are written."""
    weights = {t.name: numpy_helper.to_array(t).astype(np.float64) for t in surrogate.model.graph.initializer}

    def normalisation(prefix):
        scale = weights[prefix + ".weight"] / np.sqrt(weights[prefix + ".running_var"] + 1e-5)
        return scale, weights[prefix + ".bias"] - scale * weights[prefix + ".running_mean"]

    embedding = weights["embds_fct.0.weight"]
    first = weights["first_layer.weight"]
    width = embedding.shape[1]
    rows = [surrogate.encoding[task] for task in surrogate.tasks]
    arrays = {
        "task_bias": embedding[rows] @ first[:, :width].T + weights["first_layer.bias"],
        "input": first[:, width:],
    }
    for i in range(NUM_BLOCKS):
        scale, shift = normalisation(f"layers.{i}.norm")
        linear = weights[f"layers.{i}.linear0.weight"]
        bias = weights[f"layers.{i}.linear0.bias"] + linear @ shift
        half = len(linear) // 2
        for name, part in (("value", slice(0, half)), ("gate", slice(half, None))):
            arrays[f"{name}{i}"] = linear[part] * scale
            arrays[f"{name}_bias{i}"] = bias[part]
        arrays[f"back{i}"] = weights[f"layers.{i}.linear1.weight"]
        arrays[f"back_bias{i}"] = weights[f"layers.{i}.linear1.bias"]
    arrays["last_scale"], arrays["last_shift"] = normalisation("last_normalization")
    arrays["head"] = weights["head.weight"][list(OUTPUTS.values())]
    arrays["head_bias"] = weights["head.bias"][list(OUTPUTS.values())]
    return {name: array.astype("<f4") for name, array in arrays.items()}


def forward(arrays, inputs, outputs, task_index, x):
    """The packed network, as benchmark/lcbench.cc runs it."""
    columns = []
    for k, name in enumerate(INPUTS):
        t = inputs[name]
        columns.append(((np.log(x[:, k]) if t["log"] else x[:, k]) - t["shift"]) / t["scale"])
    h = np.stack(columns, axis=1) @ arrays["input"].T + arrays["task_bias"][task_index]
    for i in range(NUM_BLOCKS):
        value = h @ arrays[f"value{i}"].T + arrays[f"value_bias{i}"]
        gate = h @ arrays[f"gate{i}"].T + arrays[f"gate_bias{i}"]
        h = h + (value * np.maximum(gate, 0)) @ arrays[f"back{i}"].T + arrays[f"back_bias{i}"]
    h = np.maximum(h * arrays["last_scale"] + arrays["last_shift"], 0)
    y = 1 / (1 + np.exp(-(h @ arrays["head"].T + arrays["head_bias"])))
    for k, t in enumerate(outputs.values()):
        y[:, k] = y[:, k] * t["scale"] + t["shift"]
        if t["exp"]:
            y[:, k] = np.exp(y[:, k])
    return y


def check(surrogate, arrays, inputs, outputs, rng):
    for index, task in enumerate(surrogate.tasks):
        x = surrogate.decode(rng.random((200, len(PARAMETERS))), 1)
        x[:, 0] = rng.integers(1, NUM_EPOCHS + 1, len(x))
        truth, packed = surrogate(task, x), forward(arrays, inputs, outputs, index, x)
        # onnxruntime's own sigmoid is good to 1e-7, which is 0.005 seconds.
        slack = np.array([2e-7 * t["scale"] for t in outputs.values()])
        worst = np.max(np.abs(packed - truth) / (slack + 1e-4 * np.abs(truth)))
        assert worst < 1, f"task {task}: the packed network is off by {worst:.2g} times what is allowed"


def references(surrogate, task, rng):
    """Best and median at the last epoch: 20,000 random configurations, then the best fifty of them improved by random
    steps that grow smaller."""
    unit = rng.random((20_000, len(PARAMETERS)))
    y = surrogate(task, surrogate.decode(unit, NUM_EPOCHS))
    result = {}
    for k, name in enumerate(OUTPUTS):
        if name not in BEST:
            continue
        sign = -1 if BEST[name] is max else 1
        value = sign * y[:, k]
        chosen = np.argsort(value)[:50]
        points, best = unit[chosen], value[chosen]
        for step in np.geomspace(0.2, 0.002, 30):
            moved = points[:, None, :] + step * rng.standard_normal((len(points), 40, len(PARAMETERS))) * \
                (rng.random((len(points), 40, len(PARAMETERS))) < 0.4)
            moved = np.clip(moved, 0, 1)
            tried = sign * surrogate(task, surrogate.decode(moved.reshape(-1, len(PARAMETERS)), NUM_EPOCHS))[:, k]
            tried = tried.reshape(len(points), 40)
            at = np.argmin(tried, axis=1)
            better = tried[np.arange(len(points)), at] < best
            points[better] = moved[np.arange(len(points)), at][better]
            best = np.minimum(best, tried[np.arange(len(points)), at])
        result[name] = {"best": float(sign * best.min()), "median": float(np.median(y[:, k]))}
    return result


def write(path, surrogate, arrays, inputs, outputs, reference):
    parameters = []
    for name in PARAMETERS:
        domain = surrogate.domains[name]
        integer = domain["type"] == "uniform_int"
        bound = int if integer else lambda value: float(f"{value:.10g}")
        parameters.append({"name": name, "integer": integer, "log": domain["log"], "lower": bound(domain["lower"]),
                           "upper": bound(domain["upper"]), "input": inputs[name]})
    header = {"format": "skipjack-lcbench-1", "tasks": surrogate.tasks, "num_epochs": NUM_EPOCHS,
              "width": arrays["input"].shape[0], "num_gates": arrays["gate0"].shape[0], "num_layers": NUM_BLOCKS,
              "epoch": inputs["epoch"], "parameters": parameters,
              "outputs": [{"name": name, **outputs[name]} for name in OUTPUTS], "reference": reference,
              "arrays": [[name, *array.shape] for name, array in arrays.items()]}
    body = json.dumps(header).encode() + b"\n" + b"".join(array.tobytes() for array in arrays.values())
    path.write_bytes(gzip.compress(body, 9, mtime=0))


def write_fixture(path, surrogate, rng):
    lines = ["# " + " ".join(["task", *PARAMETERS, "epoch", *OUTPUTS]) + "; by bench/data/make_lcbench.py --fixture, "
             f"onnxruntime {onnxruntime.__version__}"]
    for task in surrogate.tasks:
        corner = rng.integers(0, 2, len(PARAMETERS)).astype(float)
        for unit in (rng.random(len(PARAMETERS)), corner):
            # Rounded so that text, C++ and onnxruntime see the same numbers.
            x = surrogate.decode(unit[None, :], 1)
            x = np.array([[float(f"{value:.6g}") for value in x[0]]]).repeat(3, axis=0)
            x[:, 0] = [1, rng.integers(2, NUM_EPOCHS), NUM_EPOCHS]
            for row, y in zip(x, surrogate(task, x)):
                numbers = [f"{v:.6g}" for v in [*row[1:], row[0]]] + [f"{v:.8g}" for v in y]
                lines.append(" ".join([task, *numbers]))
    path.write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Packs YAHPO Gym's surrogate of LCBench for Skipjack.")
    parser.add_argument("folder", type=pathlib.Path, help="with model.onnx, config_space.json, encoding.json")
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--fixture", type=pathlib.Path, help="also write values of the original, for the test")
    arguments = parser.parse_args()
    surrogate = Surrogate(arguments.folder)
    inputs, outputs = transforms(surrogate.model)
    arrays = pack(surrogate)
    check(surrogate, arrays, inputs, outputs, np.random.default_rng(1))
    rng = np.random.default_rng(2)
    reference = {task: references(surrogate, task, rng) for task in surrogate.tasks}
    write(arguments.output, surrogate, arrays, inputs, outputs, reference)
    if arguments.fixture:
        write_fixture(arguments.fixture, surrogate, np.random.default_rng(3))


if __name__ == "__main__":
    main()
