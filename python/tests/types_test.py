"""What type checkers see of the package."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest
import skipjack

PACKAGE = pathlib.Path(skipjack.__file__).parent


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_public_functions_say_their_types(path):
    if path.name in ("function_trial.py", "plots.py", "s3.py"):
        return  # a program; behind the methods of Experiment; with the names and arguments of boto3
    bare = []
    tree = ast.parse(path.read_text())
    scopes = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_")]
    for scope in scopes:
        for function in scope.body:
            if not isinstance(function, ast.FunctionDef) or function.name[0] == "_" and function.name != "__init__":
                continue
            a = function.args
            named = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
            if isinstance(scope, ast.ClassDef) and not any(
                getattr(decorator, "id", "") == "staticmethod" for decorator in function.decorator_list
            ):
                named = named[1:]
            if function.returns is None or any(one.annotation is None for one in named):
                bare.append(f"{function.name} (line {function.lineno})")
    assert not bare


def test_type_checkers_see_the_errors_that_are_made():
    from skipjack import errors

    tree = ast.parse((PACKAGE / "errors.py").read_text())
    seen = {one.name: [base.id for base in one.bases] for one in ast.walk(tree) if isinstance(one, ast.ClassDef)}
    made = {kind.__name__: [base.__name__ for base in kind.__bases__] for kind in errors._BY_CODE.values()}
    assert seen == {"Error": ["Exception"], **made}


def test_the_package_is_sound(tmp_path):
    pytest.importorskip("mypy")
    files = [str(path) for path in PACKAGE.glob("*.py") if path.name not in ("function_trial.py", "s3.py")]
    command = [sys.executable, "-m", "mypy", "--ignore-missing-imports", "--follow-imports=silent", "--cache-dir"]
    environment = {**os.environ, "MYPYPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [*command, str(tmp_path), *files], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


USE = """
import skipjack
from skipjack import methods

space = skipjack.SearchSpace({"x": skipjack.uniform(0, 1)}, constraints=["x < 0.5"])
size: int | None = space.cardinality()
study = skipjack.AskTell(space, metrics="loss", method=methods.TPE())
study.tell(study.ask(), {"loss": 1.0})
tuner = skipjack.Tuner(skipjack.LocalBackend("a.py"), space, "loss", stop=skipjack.StoppingCriterion(max_time=60))
reveal_type(skipjack.uniform(0, 1))
skipjack.uniform("low", 1)
skipjack.unifrom(0, 1)
"""


def test_mypy_knows_the_names(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "use.py").write_text(USE.lstrip())
    environment = {**os.environ, "MYPYPATH": os.path.dirname(os.path.dirname(skipjack.__file__))}
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--no-error-summary", "use.py"]
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout.splitlines()
    assert [line.split(":")[1] for line in said] == ["9", "10", "11"], said
    assert "Domain" in said[0] and '"str"; expected "float"' in said[1] and "unifrom" in said[2]
