#!/usr/bin/env python3
"""Multi-fidelity methods of Syne Tune 0.13 behind the protocol for problems with learning curves of
docs/bench-search.md, each with its own defaults:

    skipjack bench search --lcbench ... --peer "st-asha=python3 bench/search/peers_multifidelity.py ASHA"

Names: the keys of METHODS below. To import it all takes longer than a tuning without a model. Many tunings in a row
are quicker with one process that has done so, of which the peers are forks, and which they reach by a socket:

    python3 bench/search/peers_multifidelity.py --serve peers.socket &
    ... --peer "st-asha=python3 -S bench/search/peers_multifidelity.py --through peers.socket ASHA"

For comparisons while developing: the project itself needs none of it. Install syne-tune==0.13, and for the methods with
models autograd, scipy, scikit-learn, statsmodels and xgboost.
"""
import datetime
import json
import logging
import os
import signal
import socket
import sys
import warnings

from peers import Parameter


def space_of(parameters):
    from syne_tune import config_space as cs

    space = {}
    for p in parameters:
        if p.kind == "cat":
            space[p.name] = cs.choice(p.choices)
        elif p.kind == "float":
            space[p.name] = (cs.loguniform if p.is_log else cs.uniform)(p.low, p.high)
        else:
            space[p.name] = (cs.lograndint if p.is_log else cs.randint)(p.low, p.high)
    return space


def hyperband(name, **options):
    def make(space, begin):
        from syne_tune.optimizer import baselines

        return getattr(baselines, name)(space, metric="y", mode="min", random_seed=begin["seed"],
                                        resource_attr=begin["resource"]["name"], max_t=begin["resource"]["max"],
                                        **options)
    return make


def synchronous(name):
    def make(space, begin):
        from syne_tune.optimizer import baselines

        space["epochs"] = begin["resource"]["max"]
        return getattr(baselines, name)(space, metric="y", mode="min", random_seed=begin["seed"],
                                        resource_attr=begin["resource"]["name"], max_resource_attr="epochs")
    return make


def population(space, begin):
    from syne_tune.optimizer.schedulers import PopulationBasedTraining

    # A tenth of the way, as ours; its own default, 60, is for seconds.
    return PopulationBasedTraining(space, metric="y", mode="min", random_seed=begin["seed"],
                                   resource_attr=begin["resource"]["name"], max_t=begin["resource"]["max"],
                                   population_size=4, perturbation_interval=max(1, begin["resource"]["max"] // 10))


def median(space, begin):
    from syne_tune.optimizer.baselines import RandomSearch
    from syne_tune.optimizer.schedulers.median_stopping_rule import MedianStoppingRule

    inner = RandomSearch(space, metric="y", mode="min", random_seed=begin["seed"])
    return MedianStoppingRule(inner, resource_attr=begin["resource"]["name"], metric="y")


def whole(name):
    def make(space, begin):
        from syne_tune.optimizer import baselines

        return getattr(baselines, name)(space, metric="y", mode="min", random_seed=begin["seed"])
    return make


METHODS = {
    "ASHA": hyperband("ASHA"),
    "ASHA-promotion": hyperband("ASHA", type="promotion"),
    "Hyperband": hyperband("ASHA", brackets=4),
    "PASHA": hyperband("PASHA"),
    "MOBSTER": hyperband("MOBSTER"),
    "MOBSTER-promotion": hyperband("MOBSTER", type="promotion"),
    "HyperTune": hyperband("HyperTune"),
    "DyHPO": hyperband("DyHPO"),
    "BOHB": hyperband("BOHB"),
    "ASHABORE": hyperband("ASHABORE"),
    "ASHACQR": hyperband("ASHACQR"),
    "SyncHyperband": synchronous("SyncHyperband"),
    "SyncBOHB": synchronous("SyncBOHB"),
    "SyncMOBSTER": synchronous("SyncMOBSTER"),
    "DEHB": synchronous("DEHB"),
    "PBT": population,
    "MedianStoppingRule": median,
    "RandomSearch": whole("RandomSearch"),
    "BayesianOptimization": whole("BayesianOptimization"),
    "BORE": whole("BORE"),
    "CQR": whole("CQR"),
    "KDE": whole("KDE"),
    "REA": whole("REA"),
}


class Peer:
    def __init__(self, scheduler, parameters, resource, sign):
        from syne_tune.backend.trial_status import Trial

        self.make_trial = Trial
        self.scheduler, self.parameters, self.resource, self.sign = scheduler, parameters, resource, sign
        self.trials, self.last = {}, {}
        # Results that came after their trial had been told to pause, and those of them whose trial has been resumed.
        self.held, self.shown = {}, []

    def take(self, told):
        """What Syne Tune's own loop makes of results: each is asked about, but once a trial is to stop or to pause,
        later ones of it are not seen before it is resumed."""
        decisions = {}
        shown, self.shown = self.shown, []
        for event in shown + told:
            trial = self.trials[event["trial"]]
            if "ended" in event:
                self.end(trial, event["ended"])
            elif trial.trial_id in decisions:
                self.held.setdefault(trial.trial_id, []).append(event)
            else:
                result = {"y": self.sign * event["value"], self.resource["name"]: event["resource"]}
                self.last[trial.trial_id] = result
                decision = self.scheduler.on_trial_result(trial, result)
                if decision in ("STOP", "PAUSE"):
                    decisions[trial.trial_id] = decision.lower()
        return [{"trial": trial, "do": what} for trial, what in decisions.items()]

    def end(self, trial, outcome):
        if outcome == "completed":
            self.scheduler.on_trial_complete(trial, self.last[trial.trial_id])
        elif outcome == "failed":
            self.scheduler.on_trial_error(trial)
        elif outcome == "stopped":
            self.scheduler.on_trial_remove(trial)

    def ask(self, number):
        suggestion = self.scheduler.suggest(number)
        if suggestion is None:
            return {"configuration": None}
        if not suggestion.spawn_new_trial_id:
            if suggestion.config is not None:
                self.trials[suggestion.checkpoint_trial_id].config = suggestion.config
            self.shown += self.held.pop(suggestion.checkpoint_trial_id, [])
            return {"resume": suggestion.checkpoint_trial_id}
        self.trials[number] = self.make_trial(number, suggestion.config, datetime.datetime.now())
        self.scheduler.on_trial_add(self.trials[number])
        answer = {"configuration": {p.name: p.value(suggestion.config[p.name]) for p in self.parameters}}
        if suggestion.checkpoint_trial_id is not None:
            answer["checkpoint_from"] = suggestion.checkpoint_trial_id
        return answer


def speak(name, questions, link):
    """A tuning, from the greeting to the end of questions; link: where answers go."""
    import numpy

    begin = json.loads(questions.readline())
    if "resource" not in begin:
        sys.exit("the problem has no learning curves: use peers.py")
    space = begin["space"].get("parameters", begin["space"])
    parameters = [Parameter(name, domain) for name, domain in space.items()
                  if isinstance(domain, dict) and "domain_cls" in domain]
    numpy.random.seed(begin["seed"])  # some methods draw from there
    scheduler = METHODS[name](space_of(parameters), begin)
    peer = Peer(scheduler, parameters, begin["resource"], 1.0 if begin["mode"] == "min" else -1.0)
    for line in questions:
        question = json.loads(line)
        answer = {"decisions": peer.take(question["told"])} if "told" in question else peer.ask(question["ask"])
        print(json.dumps(answer), file=link, flush=True)


def serve(path):
    """A fork for every client, with the client's standard input and output."""
    from syne_tune.optimizer import baselines  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if os.path.exists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        while True:
            client, _ = door.accept()
            with client:
                name, (reads, writes), _, _ = socket.recv_fds(client, 256, 2)
                if os.fork() == 0:
                    door.close()
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    with os.fdopen(reads) as questions, os.fdopen(writes, "w") as link:
                        speak(name.decode(), questions, link)
                    os._exit(0)
                os.close(reads)
                os.close(writes)


def pass_on(path, name):
    """Has a fork of the server do it, until that ends."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        socket.send_fds(server, [name.encode()], [0, 1])
        server.recv(1)


def main():
    arguments = sys.argv[1:]
    if len(arguments) == 3 and arguments[0] == "--through" and arguments[2] in METHODS:
        return pass_on(*arguments[1:])
    is_server = len(arguments) == 2 and arguments[0] == "--serve"
    if not is_server and (len(arguments) != 1 or arguments[0] not in METHODS):
        sys.exit(__doc__)
    # What Syne Tune prints must not come between the lines of the protocol.
    link = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    if is_server:
        serve(arguments[1])
    else:
        speak(arguments[0], sys.stdin, link)


if __name__ == "__main__":
    main()
