"""The program of a trial that is a Python function: finds it, calls it, reports what it returns.
Run by skipjack.PythonBackend; nobody else needs it."""

import base64
import json
import os
import pickle
import runpy
import sys

# Python put this file's folder first, where modules of this package would hide others.
sys.path.pop(0)


def find(description):
    """The function that PythonBackend described."""
    sys.path[:] = description["path"]
    if "pickle" in description:
        return pickle.loads(base64.b64decode(description["pickle"]))
    if "file" in description:
        os.environ["SKIPJACK_FINDING_FUNCTION"] = description["file"]
        names = runpy.run_path(description["file"], run_name="__skipjack_trial__")
        del os.environ["SKIPJACK_FINDING_FUNCTION"]
        first, *rest = description["name"].split(".")
        found = names[first]
    else:
        found = __import__(description["module"], fromlist=["*"])
        rest = description["name"].split(".")
    for part in rest:
        found = getattr(found, part)
    return found


def takes(function, name):
    """Whether the function has a parameter of that name."""
    code = getattr(function, "__code__", None)
    return code is not None and name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def main():
    arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    with open(arguments["--st_config_json_filename"], encoding="utf-8") as file:
        configuration = json.load(file)
    function = find(json.loads(os.environ["SKIPJACK_FUNCTION"]))
    if takes(function, "st_checkpoint_dir"):
        configuration["st_checkpoint_dir"] = arguments["--st_checkpoint_dir"]
    result = function(**configuration)
    if result is None:
        return
    from skipjack.reporter import Reporter

    if not isinstance(result, dict):
        result = {os.environ.get("SKIPJACK_METRIC", "value"): result}
    Reporter()(**result)


main()
