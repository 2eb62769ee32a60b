#!/usr/bin/env python3
"""Other optimisers behind the protocol of docs/bench-search.md, each with its own defaults:

    skipjack bench search ... --peer "optuna-tpe=python3 bench/search/peers.py optuna-tpe"

Names: optuna-tpe, optuna-gp, optuna-cmaes (packages optuna, torch, cmaes), syne-tune-bo, syne-tune-cqr
(syne-tune[extra]), hebo (HEBO), smac-bb, smac-hpo (smac). For comparisons while developing: the project itself needs
none of them. A failed trial is told the way the optimiser has for it; one that has none is told the worst value so far.
"""
import datetime
import json
import math
import os
import sys
import tempfile
import warnings


class Parameter:
    """name, kind (float, int or cat), low and high or choices, is_log. Ordered levels that are no plain integers are
    integers to the optimiser, counted from 0."""

    def __init__(self, name, domain):
        self.name, self.levels, self.is_log = name, None, False
        kind, arguments = domain["domain_cls"], domain["domain_kwargs"]
        if kind in ("Float", "Integer"):
            self.kind = "float" if kind == "Float" else "int"
            self.low, self.high = arguments["lower"], arguments["upper"]
            self.is_log = domain.get("sampler_cls") == "LogUniform"
        elif kind == "Categorical":
            self.kind, self.choices = "cat", arguments["categories"]
        elif kind in ("Ordinal", "OrdinalNearestNeighbor"):
            self.kind, self.levels = "int", arguments["categories"]
        elif kind == "FiniteRange":
            self.kind, self.levels = "int", finite_range(**arguments)
        else:
            sys.exit(f"{name}: no way to tell of a {kind}")
        if self.levels is not None:
            self.low, self.high = 0, len(self.levels) - 1

    def value(self, told):
        """What the configuration holds."""
        if self.levels is not None:
            return self.levels[int(told)]
        if self.kind == "cat":
            return told
        number = float(told) if self.kind == "float" else int(round(float(told)))
        return min(max(number, self.low), self.high)


def finite_range(lower, upper, size, log_scale=False, cast_int=False):
    ends = (math.log(lower), math.log(upper)) if log_scale else (lower, upper)
    steps = [ends[0] + (ends[1] - ends[0]) * i / max(1, size - 1) for i in range(size)]
    values = [math.exp(s) if log_scale else s for s in steps]
    return [int(round(v)) for v in values] if cast_int else values


class Peer:
    """Minimises. ask(trial) gives values by name; tell(trial, value) gets None for a failed trial."""

    def __init__(self, parameters, seed):
        self.parameters, self.seed, self.asked, self.worst = parameters, seed, {}, 0.0

    def or_worst(self, value):
        """For optimisers that know no failures."""
        if value is None:
            return self.worst
        self.worst = max(self.worst, value)
        return value


class Optuna(Peer):
    def __init__(self, sampler, parameters, seed):
        super().__init__(parameters, seed)
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna = optuna
        self.study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=seed), direction="minimize")
        d = optuna.distributions
        self.distributions = {
            p.name: d.CategoricalDistribution(p.choices) if p.kind == "cat"
            else d.FloatDistribution(p.low, p.high, log=p.is_log) if p.kind == "float"
            else d.IntDistribution(p.low, p.high, log=p.is_log)
            for p in parameters}

    def ask(self, trial):
        self.asked[trial] = self.study.ask(self.distributions)
        return self.asked[trial].params

    def tell(self, trial, value):
        if value is None:
            self.study.tell(self.asked.pop(trial), state=self.optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(self.asked.pop(trial), value)


class SyneTune(Peer):
    def __init__(self, scheduler, parameters, seed):
        super().__init__(parameters, seed)
        from syne_tune import config_space as cs
        from syne_tune.backend.trial_status import Trial
        from syne_tune.optimizer import baselines

        self.make_trial = Trial
        space = {
            p.name: cs.choice(p.choices) if p.kind == "cat"
            else (cs.loguniform if p.is_log else cs.uniform)(p.low, p.high) if p.kind == "float"
            else (cs.lograndint if p.is_log else cs.randint)(p.low, p.high)
            for p in parameters}
        make = getattr(baselines, scheduler)
        try:  # From 0.14 on.
            self.scheduler = make(space, metric="y", do_minimize=True, random_seed=seed)
            self.takes_number = False
        except (TypeError, AssertionError):
            self.scheduler = make(space, metric="y", mode="min", random_seed=seed)
            self.takes_number = True

    def ask(self, trial):
        suggestion = self.scheduler.suggest(trial) if self.takes_number else self.scheduler.suggest()
        if suggestion is None:
            return None
        self.asked[trial] = self.make_trial(trial, suggestion.config, datetime.datetime.now())
        self.scheduler.on_trial_add(self.asked[trial])
        return suggestion.config

    def tell(self, trial, value):
        asked = self.asked.pop(trial)
        if value is None:
            self.scheduler.on_trial_error(asked)
        else:
            self.scheduler.on_trial_complete(asked, {"y": value})


class Hebo(Peer):
    def __init__(self, parameters, seed):
        super().__init__(parameters, seed)
        import numpy
        import torch
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        numpy.random.seed(seed)
        torch.manual_seed(seed)
        self.numpy = numpy
        rows = []
        for p in parameters:
            if p.kind == "cat":
                rows.append({"name": p.name, "type": "cat", "categories": p.choices})
            else:
                kind = {"float": ("num", "pow"), "int": ("int", "pow_int")}[p.kind][p.is_log]
                rows.append({"name": p.name, "type": kind, "lb": p.low, "ub": p.high})
        self.optimiser = HEBO(DesignSpace().parse(rows), scramble_seed=seed)

    def ask(self, trial):
        self.asked[trial] = self.optimiser.suggest(n_suggestions=1)
        return {p.name: self.asked[trial][p.name].iloc[0] for p in self.parameters}

    def tell(self, trial, value):
        self.optimiser.observe(self.asked.pop(trial), self.numpy.array([[self.or_worst(value)]]))


class Smac(Peer):
    def __init__(self, facade, parameters, seed):
        super().__init__(parameters, seed)
        import ConfigSpace
        import smac
        from smac.runhistory.dataclasses import TrialValue
        from smac.runhistory.enumerations import StatusType

        self.make_value, self.crashed = TrialValue, StatusType.CRASHED
        space = ConfigSpace.ConfigurationSpace(seed=seed)
        for p in parameters:
            if p.kind == "cat":
                space.add(ConfigSpace.Categorical(p.name, p.choices))
            elif p.kind == "float":
                space.add(ConfigSpace.Float(p.name, (p.low, p.high), log=p.is_log))
            elif p.low == p.high:
                space.add(ConfigSpace.Constant(p.name, p.low))
            else:
                space.add(ConfigSpace.Integer(p.name, (p.low, p.high), log=p.is_log))
        self.folder = tempfile.TemporaryDirectory()
        scenario = smac.Scenario(space, deterministic=True, n_trials=10_000, seed=seed,
                                 output_directory=self.folder.name)
        make = getattr(smac, facade)
        # Its first points are a share of the budget: a quarter of 100 trials at most.
        design = make.get_initial_design(scenario, max_ratio=0.0025)
        self.optimiser = make(scenario, lambda config, seed=0: 0.0, initial_design=design, overwrite=True, logging_level=False)

    def ask(self, trial):
        self.asked[trial] = self.optimiser.ask()
        return dict(self.asked[trial].config)

    def tell(self, trial, value):
        info = self.asked.pop(trial)
        if value is None:
            self.optimiser.tell(info, self.make_value(cost=self.worst, status=self.crashed))
        else:
            self.optimiser.tell(info, self.make_value(cost=self.or_worst(value)))


PEERS = {
    "optuna-tpe": lambda *a: Optuna("TPESampler", *a),
    "optuna-gp": lambda *a: Optuna("GPSampler", *a),
    "optuna-cmaes": lambda *a: Optuna("CmaEsSampler", *a),
    "syne-tune-bo": lambda *a: SyneTune("BayesianOptimization", *a),
    "syne-tune-cqr": lambda *a: SyneTune("CQR", *a),
    "hebo": Hebo,
    "smac-bb": lambda *a: Smac("BlackBoxFacade", *a),
    "smac-hpo": lambda *a: Smac("HyperparameterOptimizationFacade", *a),
}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in PEERS:
        sys.exit(__doc__)
    # What the optimisers print must not come between the lines of the protocol.
    link = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    begin = json.loads(sys.stdin.readline())
    space = begin["space"].get("parameters", begin["space"])
    parameters = [Parameter(name, domain) for name, domain in space.items()
                  if isinstance(domain, dict) and "domain_cls" in domain]
    sign = 1.0 if begin["mode"] == "min" else -1.0
    peer = PEERS[sys.argv[1]](parameters, begin["seed"])
    for line in sys.stdin:
        question = json.loads(line)
        for ended in question["ended"]:
            value = ended["value"]
            peer.tell(ended["trial"], None if value is None else sign * value)
        told = peer.ask(question["ask"])
        configuration = None if told is None else {p.name: p.value(told[p.name]) for p in parameters}
        print(json.dumps({"configuration": configuration}), file=link, flush=True)


if __name__ == "__main__":
    main()
