"""What a trial's script uses: the reporter, arguments, checkpoints. Nothing is loaded before it is
needed."""

from ..reporter import Reporter as _Reporter

_CHECKPOINT_FILE = "checkpoint.json"


class Reporter(_Reporter):
    """skipjack.Reporter with Syne Tune's arguments; costs in dollars are not known here."""

    def __init__(self, add_time=True, add_cost=True):
        super().__init__(add_time=add_time)
        self.add_cost = add_cost


def retrieve(log_lines):
    """The reports in the lines of a log: a list of dicts."""
    import json
    import re

    lines = re.findall(r"\[tune-metric\]: (\{.*\})", "\n".join(log_lines))
    return [json.loads(line) for line in lines]


def parse_bool(text):
    """True for "True" or "true"; for the arguments of scripts."""
    return str(text).lower() == "true"


def add_config_json_to_argparse(parser):
    """The argument that names the file with the configuration (pass_args_as_json=True)."""
    parser.add_argument("--st_config_json_filename", type=str)


def load_config_json(args):
    """The configuration in the file that args names; what args has besides it comes first."""
    import json

    with open(args["st_config_json_filename"], encoding="utf-8") as file:
        configuration = json.load(file)
    return {**configuration, **{name: value for name, value in args.items() if value is not None}}


def add_checkpointing_to_argparse(parser):
    """The argument that names the folder for checkpoints."""
    parser.add_argument("--st_checkpoint_dir", type=str)


def resume_from_checkpointed_model(config, load_model_fn):
    """Loads the checkpoint if there is one: load_model_fn(folder) -> resource it was made at. Returns
    that, or 0."""
    import os

    folder = config.get("st_checkpoint_dir")
    return int(load_model_fn(folder)) if folder and os.path.isdir(folder) else 0


def checkpoint_model_at_rung_level(config, save_model_fn, resource):
    """Saves a checkpoint: save_model_fn(folder, resource)."""
    import os

    folder = config.get("st_checkpoint_dir")
    if folder:
        os.makedirs(folder, exist_ok=True)
        save_model_fn(folder, resource)


def pytorch_load_save_functions(state_dict_objects, mutable_state=None, fname=_CHECKPOINT_FILE):
    """(load_model_fn, save_model_fn) for objects with state_dict() and load_state_dict()."""
    import json
    import os

    def paths(folder):
        return os.path.join(folder, fname), os.path.join(folder, "mutable_state.json")

    def save_model_fn(folder, resource):
        import torch

        model_path, state_path = paths(folder)
        state = {name: item.state_dict() for name, item in state_dict_objects.items()}
        torch.save({**state, "resource": resource}, model_path)
        if mutable_state is not None:
            with open(state_path, "w", encoding="utf-8") as file:
                json.dump(mutable_state, file)

    def load_model_fn(folder):
        import torch

        model_path, state_path = paths(folder)
        if not os.path.exists(model_path):
            return 0
        state = torch.load(model_path)
        for name, item in state_dict_objects.items():
            item.load_state_dict(state[name])
        if mutable_state is not None and os.path.exists(state_path):
            with open(state_path, encoding="utf-8") as file:
                mutable_state.update(json.load(file))
        return int(state["resource"])

    return load_model_fn, save_model_fn
