"""Downloads with boto3's names, from the embedded server; boto3 is the referee where it is there."""

import hashlib
import inspect
import os
import threading

import pytest
import skipjack
from skipjack.s3 import Client, TransferConfig, download_file

from conftest import OBJECT_SIZE as SIZE

pytestmark = pytest.mark.usefixtures("no_settings_of_the_user")


@pytest.fixture
def keys(server):
    return {"endpoint_url": server, "aws_access_key_id": "key", "aws_secret_access_key": "secret"}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def test_brings_what_boto3_brings(keys, tmp_path):
    boto3 = pytest.importorskip("boto3")
    theirs = boto3.client("s3", region_name="us-east-1", **keys)
    theirs.download_file("bench", "obj", str(tmp_path / "theirs"))
    steps = []
    result = download_file(
        "bench", "obj", tmp_path / "ours", Config=TransferConfig(max_concurrency=4), Callback=steps.append, **keys
    )
    assert digest(tmp_path / "ours") == digest(tmp_path / "theirs")
    assert sum(steps) == SIZE and min(steps) > 0
    assert result["bytes"] == SIZE

    # Keys, region and endpoint of a client or a session; boto3's own TransferConfig.
    from boto3.s3.transfer import TransferConfig as Theirs

    from_client = Client(session=theirs)
    from_client.download_file(
        Bucket="bench",
        Key="obj",
        Filename=tmp_path / "again",
        Config=Theirs(max_concurrency=3, multipart_chunksize=2**20),
    )
    assert digest(tmp_path / "again") == digest(tmp_path / "theirs")
    session = boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1")
    assert Client(session=session, endpoint_url=keys["endpoint_url"]).head_object("bench", "obj")["size"] == SIZE
    resource = boto3.resource("s3", region_name="us-east-1", **keys)
    assert Client(session=resource).head_object("bench", "obj")["size"] == SIZE
    with pytest.raises(skipjack.InvalidArgument, match="a resource of boto3, not the class Session"):
        Client(session=boto3.Session)


def test_names_and_defaults_of_the_config_are_boto3s():
    transfer = pytest.importorskip("boto3.s3.transfer")
    theirs, ours = transfer.TransferConfig(), TransferConfig()
    for name in """multipart_threshold max_concurrency multipart_chunksize num_download_attempts max_io_queue
    io_chunksize use_threads max_bandwidth preferred_transfer_client""".split():
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.to_dict() == {}
    assert TransferConfig(io_chunksize="1MiB").to_dict() == {"io_chunksize": "1MiB"}
    assert TransferConfig(fsync=True).to_dict() == {"fsync": True}
    later = TransferConfig(max_concurrency=3)
    later.max_concurrency, later.io_chunksize = None, 2**20
    assert later.to_dict() == {"io_chunksize": 2**20}
    with pytest.raises(skipjack.InvalidArgument, match="io_chunksize = 0 must be"):
        later.io_chunksize = 0
    with pytest.raises(AttributeError, match="no 'max_concurency'"):
        later.max_concurency = 3

    # All that boto3's takes, in its order, and then our own.
    def arguments(kind):
        return list(inspect.signature(kind).parameters)

    assert arguments(TransferConfig)[: len(arguments(transfer.TransferConfig))] == arguments(transfer.TransferConfig)
    assert TransferConfig(preferred_transfer_client="CRT").to_dict() == {}
    with pytest.raises(skipjack.InvalidArgument, match="preferred_transfer_client = 'fast' must be one of: auto, cla"):
        TransferConfig(preferred_transfer_client="fast")
    with pytest.raises(skipjack.InvalidArgument, match="max_concurrency = 0 must be >= 1"):
        TransferConfig(max_concurrency=0)


def test_into_memory_and_by_environment(keys, server, monkeypatch, tmp_path):
    with_keys = Client(**keys)
    body = with_keys.download_bytes("bench", "obj")
    with_keys.download_file("bench", "obj", tmp_path / "file")
    assert hashlib.sha256(body).hexdigest() == digest(tmp_path / "file")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert Client().head_object("bench", "obj")["size"] == SIZE


def test_errors_say_what_and_never_the_keys(keys, tmp_path):
    with pytest.raises(skipjack.NotFound, match="bench"):
        download_file("bench", "none", tmp_path / "f", **keys)
    with pytest.raises(skipjack.PermissionDenied) as caught:
        download_file("bench", "obj", tmp_path / "f", **{**keys, "aws_secret_access_key": "hush-hush"})
    assert "hush" not in str(caught.value)
    with pytest.raises(skipjack.Unsupported, match="SSECustomerAlgorithm"):
        download_file("bench", "obj", tmp_path / "f", ExtraArgs={"SSECustomerAlgorithm": "aws:kms"}, **keys)
    with pytest.raises(skipjack.InvalidArgument, match="has 1 bytes; it must have 32"):
        download_file("bench", "obj", tmp_path / "f", ExtraArgs={"SSECustomerKey": "x"}, **keys)
    for extra, kind, says in [
        ({"SSECustomerKey": 32}, skipjack.InvalidArgument, "must be a str or bytes, not int"),
        ({"SSECustomerKey": None}, skipjack.InvalidArgument, "must be a str or bytes, not NoneType"),
        ({"SSECustomerAlgorithm": "AES256"}, skipjack.InvalidArgument, "without SSECustomerKey"),
        ({"SSECustomerKey": "k" * 32, "SSECustomerKeyMD5": "x"}, skipjack.Unsupported, "SSECustomerKeyMD5"),
    ]:
        with pytest.raises(kind, match=says):
            download_file("bench", "obj", tmp_path / "f", ExtraArgs=extra, **keys)
    with pytest.raises(skipjack.InvalidArgument, match="zero byte"):
        download_file("bench", "obj", str(tmp_path / "f\0g"), **keys)
    with pytest.raises(skipjack.InvalidArgument, match="too long for its file system"):
        download_file("bench", "obj", tmp_path / ("f" * 300), **keys)
    with pytest.raises(skipjack.InvalidArgument, match="Key must be a str, not int"):
        download_file("bench", 3, tmp_path / "f", **keys)
    with pytest.raises(skipjack.InvalidArgument, match="not NoneType; download_bytes"):
        download_file("bench", "obj", None, **keys)
    with pytest.raises(skipjack.InvalidArgument, match="Config must be a TransferConfig"):
        download_file("bench", "obj", tmp_path / "f", Config=7, **keys)
    assert os.listdir(tmp_path) == []


def test_what_a_callback_raises_ends_the_download(keys, tmp_path):
    def callback(number):
        raise KeyError("enough")

    # Slow enough that the first call comes before the end.
    slow = TransferConfig(max_bandwidth=20 * 2**20)
    with pytest.raises(KeyError, match="enough"):
        download_file("bench", "obj", tmp_path / "f", Callback=callback, Config=slow, **keys)
    assert os.listdir(tmp_path) == []


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_leaves_its_parents_connections_alone(keys):
    client = Client(**keys)
    small = client.download_bytes("bench", "small")
    child = os.fork()
    if child == 0:
        found = b""
        try:
            found = client.download_bytes("bench", "small")
        finally:
            del client
            os._exit(0 if found == small else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert client.download_bytes("bench", "small") == small


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_that_can_make_no_client_says_so(keys, tmp_path, monkeypatch):
    settings = tmp_path / "config"
    settings.write_text("[profile one]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(settings))
    client = Client(profile_name="one", **keys)
    child = os.fork()
    if child == 0:
        errors, body = [], b""
        try:
            settings.rename(tmp_path / "away")
            for _ in range(2):
                try:
                    client.head_object("bench", "small")
                except skipjack.Error as error:
                    errors.append(str(error))
            (tmp_path / "away").rename(settings)
            body = client.download_bytes("bench", "small")
        finally:
            del client
            os._exit(0 if len(errors) == 2 and "one" in errors[0] and len(body) == 2**20 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_customers_key_is_sent_as_boto3_sends_it(tmp_path):
    boto3 = pytest.importorskip("boto3")
    from http.server import BaseHTTPRequestHandler, HTTPServer

    heard = []

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append({name.lower(): value for name, value in self.headers.items() if "customer" in name.lower()})
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    http = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    keys = {"endpoint_url": f"http://127.0.0.1:{http.server_port}", "aws_access_key_id": "key",
            "aws_secret_access_key": "secret", "region_name": "us-east-1"}  # fmt: skip
    extra = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    with pytest.raises(skipjack.PermissionDenied):
        download_file("bench", "obj", tmp_path / "f", ExtraArgs=extra, **keys)
    with pytest.raises(Exception, match="403"):
        boto3.client("s3", **keys).download_file("bench", "obj", str(tmp_path / "f"), ExtraArgs=extra)
    http.shutdown()
    http.server_close()
    assert len(heard[0]) == 3 and heard[0] == heard[-1]


def test_other_threads_run_while_it_downloads(keys):
    client = Client(**keys)
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.wait(0.001):
            ticks.append(1)

    thread = threading.Thread(target=tick)
    thread.start()
    for _ in range(5):
        client.download_bytes("bench", "obj", Config=TransferConfig(max_bandwidth=100 * 2**20))
    stop.set()
    thread.join()
    assert len(ticks) > 10


# In the manner of AWS's sample: names of Syne Tune's first era, repeated downloads, a checkpoint between.
LAUNCHER = """
    import sys
    from syne_tune.backend.local_backend import LocalBackend
    from syne_tune.optimizer.schedulers.fifo import FIFOScheduler
    from syne_tune.optimizer.schedulers.hyperband import HyperbandScheduler
    from syne_tune.search_space import lograndint, randint
    from syne_tune.stopping_criterion import StoppingCriterion
    from syne_tune.tuner import Tuner
    search, repeats = sys.argv[1], 2
    space = {"bucket": "bench", "key": "obj", "repeats": repeats, "search": search,
             "max_concurrency": randint(10, 1000), "max_io_queue": lograndint(1e2, 1e5),
             "io_chunksize": lograndint(1e3, 1e9), "multipart_chunksize": lograndint(1e6, 1e10)}
    shared = dict(searcher="bayesopt", mode="min", metric="download_time", random_seed=42)
    start = [{"max_concurrency": 10, "max_io_queue": 100, "io_chunksize": 262144, "multipart_chunksize": 8388608}]
    if search == "fifo":
        scheduler = FIFOScheduler(space, points_to_evaluate=start, **shared)
    else:
        scheduler = HyperbandScheduler(space, points_to_evaluate=None, type="promotion", rung_levels=[1, 2],
                                       search_options={"num_init_random": 3, "gp_resource_kernel": "cross-validation"},
                                       resource_attr="attempt", max_resource_attr="repeats", **shared)
    Tuner(backend=LocalBackend(entry_point="trial.py"), scheduler=scheduler, n_workers=1,
          stop_criterion=StoppingCriterion(max_num_trials_started=1)).run()
    """
TRIAL = """
    import argparse, json, os, tempfile, time
    import boto3
    from boto3.s3.transfer import TransferConfig
    from syne_tune.report import Reporter
    parser = argparse.ArgumentParser()
    for name in ("bucket", "key", "search", "st_checkpoint_dir"):
        parser.add_argument("--" + name)
    for name in ("repeats", "max_concurrency", "max_io_queue", "io_chunksize", "multipart_chunksize"):
        parser.add_argument("--" + name, type=int, required=True)
    arguments, _ = parser.parse_known_args()
    report = Reporter()
    config = TransferConfig(max_concurrency=arguments.max_concurrency, max_io_queue=arguments.max_io_queue,
                            io_chunksize=arguments.io_chunksize, multipart_chunksize=arguments.multipart_chunksize)
    path = os.path.join(arguments.st_checkpoint_dir, "checkpoint.json")
    done, total = json.load(open(path)) if os.path.exists(path) else (0, 0.0)
    s3 = boto3.resource("s3")
    while done < arguments.repeats:
        with tempfile.TemporaryDirectory() as folder:
            begin = time.time()
            s3.Object(arguments.bucket, arguments.key).download_file(os.path.join(folder, "f"), Config=config)
            done, total = done + 1, total + time.time() - begin
        os.makedirs(arguments.st_checkpoint_dir, exist_ok=True)
        json.dump([done, total], open(path, "w"))
        if arguments.search == "hyperband":
            report(attempt=done, download_time=total / done)
    if arguments.search == "fifo":
        report(download_time=total / done)
    """


@pytest.mark.parametrize("search", ["fifo", "hyperband"])
def test_a_launcher_in_the_manner_of_aws_sample(launch, only_experiment, server, monkeypatch, search):
    pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    done = launch(LAUNCHER, TRIAL, arguments=[search])
    assert "download_time: best " in done.stdout
    first = (only_experiment() / "0" / "config.json").read_text()
    # The middle of the space, Syne Tune's first configuration, unless points are given.
    wanted = [10, 100, 262144, 8388608] if search == "fifo" else [505, 3162, 1_000_000, 100_000_000]
    import json

    assert list(json.loads(first).values())[-4:] == wanted
