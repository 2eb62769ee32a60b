"""Fast downloads from Amazon S3, with boto3's names.

from skipjack.s3 import TransferConfig, download_file

download_file("my-bucket", "path/to/object", "object", Config=TransferConfig(max_concurrency=40))
"""

import os
import sys

from . import _core
from . import program as our_program
from .errors import (
    AlreadyExists,
    Cancelled,
    Corrupted,
    Error,
    Exhausted,
    InvalidArgument,
    Io,
    Network,
    NotFound,
    PermissionDenied,
    Timeout,
    Unsupported,
)
from .sources import split

_FIELDS = (
    "multipart_threshold",
    "max_concurrency",
    "multipart_chunksize",
    "num_download_attempts",
    "max_io_queue",
    "io_chunksize",
    "use_threads",
    "max_bandwidth",
)
_OWN_FIELDS = ("memory_limit", "hedge", "resume", "fsync", "checksum", "write_mode")
_BOTO3_ALIASES = {"max_concurrency": "max_request_concurrency", "max_io_queue": "max_io_queue_size"}


class TransferConfig:
    """boto3's TransferConfig with its names, units and defaults, and more.

    What is not set is left to the engine, which finds it by measuring; reading it gives boto3's
    default, as it does there. Sizes are in bytes or texts such as "8MiB".

    Beyond boto3: memory_limit (bytes of buffers), hedge (ask twice for late bytes), resume (go on
    after a killed download), fsync (done is what is on the disk; cancelling waits for a sync that
    has begun), checksum ("when_supported" or "when_required"), write_mode ("auto", "buffered" or
    "direct").
    """

    def __init__(
        self,
        multipart_threshold=None,
        max_concurrency=None,
        multipart_chunksize=None,
        num_download_attempts=None,
        max_io_queue=None,
        io_chunksize=None,
        use_threads=None,
        max_bandwidth=None,
        *,
        memory_limit=None,
        hedge=None,
        resume=None,
        fsync=None,
        checksum=None,
        write_mode=None,
    ):
        given = locals()
        self._set = {name: given[name] for name in _FIELDS + _OWN_FIELDS if given[name] is not None}
        _core.validate_transfer_config(self._set)

    def __getattr__(self, name):
        if name in _FIELDS + _OWN_FIELDS:
            return self._set.get(name, _core.boto3_defaults().get(name))
        raise AttributeError(f"TransferConfig has no '{name}'")

    def to_dict(self):
        """What was set."""
        return dict(self._set)

    def __repr__(self):
        return "TransferConfig(" + ", ".join(f"{name}={value!r}" for name, value in self._set.items()) + ")"


def _config_dict(config):
    """What is set of a TransferConfig, ours or boto3's, or of a dict."""
    if config is None or isinstance(config, dict):
        return config
    if isinstance(config, TransferConfig):
        return config.to_dict()
    found = {}
    unset = getattr(config, "UNSET_DEFAULT", None)
    for name in _FIELDS:
        for its_name in (_BOTO3_ALIASES.get(name, name), name):
            try:
                value = object.__getattribute__(config, its_name)
            except AttributeError:
                continue
            if value is not None and value is not unset:
                found[name] = value
            break
    if not found and not hasattr(config, "multipart_chunksize"):
        raise InvalidArgument(f"Config must be a TransferConfig, not {type(config).__name__}")
    return found


def _session_options(session):
    """Keys, region and endpoint of a boto3 session or client."""
    if hasattr(session, "meta") and hasattr(session.meta, "endpoint_url"):
        return {
            **_key_options(session._request_signer._credentials),
            "region": session.meta.region_name,
            "endpoint_url": session.meta.endpoint_url,
        }
    return {**_key_options(session.get_credentials()), "region": session.region_name}


def _key_options(credentials):
    if credentials is None:
        return {"anonymous": True}
    frozen = credentials.get_frozen_credentials()
    return {"access_key": frozen.access_key, "secret_key": frozen.secret_key, "session_token": frozen.token}


class Client:
    """Connections to one endpoint as one identity, kept open between downloads.

    Without arguments: what the environment and the profile say, as in AWS's tools. session: a boto3
    session or client whose keys, region and endpoint are taken, as they are now. Threads take turns;
    give each its own client to download side by side. A process that is forked opens connections of its own.
    """

    def __init__(
        self,
        *,
        endpoint_url=None,
        region_name=None,
        profile_name=None,
        aws_access_key_id=None,
        aws_secret_access_key=None,
        aws_session_token=None,
        addressing_style=None,
        anonymous=False,
        session=None,
    ):
        options = _session_options(session) if session is not None else {}
        given = {
            "endpoint_url": endpoint_url,
            "region": region_name,
            "profile": profile_name,
            "access_key": aws_access_key_id,
            "secret_key": aws_secret_access_key,
            "session_token": aws_session_token,
            "addressing_style": addressing_style,
            "anonymous": anonymous or None,
        }
        options.update({name: value for name, value in given.items() if value is not None})
        self._client = _core.S3Client(options)

    def download_file(self, Bucket, Key, Filename, ExtraArgs=None, Callback=None, Config=None):
        """Downloads an object to a file, which gets its name once it is complete.

        ExtraArgs: VersionId, RequestPayer, SSECustomerKey (32 bytes). Callback: called with the number of
        bytes since its last call. Returns a dict: bytes, seconds, config (the values used), checksum, ...
        """
        return self._client.download(
            _text("Bucket", Bucket),
            _text("Key", Key),
            _path(Filename),
            _config_dict(Config),
            Callback,
            **_extra(ExtraArgs),
        )

    def download_bytes(self, Bucket, Key, ExtraArgs=None, Callback=None, Config=None):
        """Downloads an object into memory."""
        return self._client.download(
            _text("Bucket", Bucket), _text("Key", Key), None, _config_dict(Config), Callback, **_extra(ExtraArgs)
        )["body"]

    def head_object(self, Bucket, Key):
        """A dict with size, etag, version_id, last_modified, content_type."""
        return self._client.head(_text("Bucket", Bucket), _text("Key", Key))


def _text(name, value):
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} must be a str, not {type(value).__name__}")
    return value


def _path(filename):
    try:
        return os.fsdecode(filename)
    except TypeError:
        kind = type(filename).__name__
        raise InvalidArgument(f"Filename must be a str or a path, not {kind}", "download_bytes() needs none") from None


def _extra(arguments):
    taken = {}
    for name, value in (arguments or {}).items():
        if name == "VersionId":
            taken["version_id"] = value
        elif name == "RequestPayer":
            taken["requester_pays"] = value == "requester"
        elif name == "SSECustomerKey":
            taken["customer_key"] = _customer_key(value)
        elif name == "SSECustomerAlgorithm" and value == "AES256":
            if arguments.get("SSECustomerKey") is None:
                raise InvalidArgument("ExtraArgs holds SSECustomerAlgorithm without SSECustomerKey", "give both")
        elif name == "SSECustomerKeyMD5":  # with it, boto3 takes the key as encoded already
            raise Unsupported(
                "ExtraArgs holds 'SSECustomerKeyMD5', which is computed here",
                "leave it out, and give the 32 bytes themselves as SSECustomerKey",
            )
        elif name != "ChecksumMode":  # what the server has is always checked
            raise Unsupported(
                f"ExtraArgs holds '{name}', which downloads here don't know",
                "one of: VersionId, RequestPayer, SSECustomerKey, SSECustomerAlgorithm (AES256), ChecksumMode",
            )
    return taken


def _customer_key(value):
    if not isinstance(value, (str, bytes, bytearray)):
        raise InvalidArgument(f"SSECustomerKey must be a str or bytes, not {type(value).__name__}")
    return value.encode() if isinstance(value, str) else bytes(value)


def download_file(Bucket, Key, Filename, ExtraArgs=None, Callback=None, Config=None, **client):
    """Client.download_file with a client of its own; further arguments are the client's."""
    return Client(**client).download_file(Bucket, Key, Filename, ExtraArgs, Callback, Config)


_EXIT_ERRORS = {
    2: InvalidArgument,
    3: NotFound,
    4: AlreadyExists,
    5: PermissionDenied,
    6: Io,
    7: Network,
    8: Corrupted,
    9: Unsupported,
    10: Timeout,
    11: Exhausted,
    130: Cancelled,
}


def tune(
    uri,
    *,
    max_time=None,
    max_trials=None,
    max_bytes=None,
    client="native",
    program=None,
    method=None,
    sources=(),
    repeats=None,
    start=None,
    to="file",
    folder=None,
    memory_limit=None,
    seed=None,
    name=None,
    root=None,
    endpoint_url=None,
    region_name=None,
    profile_name=None,
    anonymous=False,
    quiet=True,
):
    """Finds the configuration that downloads an object fastest from here, and proves it: `skipjack s3
    tune` (docs/s3-tuning.md has what the arguments mean). max_time: seconds, or a text such as "2m".
    uri: of an object, or s3://bucket/prefix/ for everything below it.
    sources: names of earlier tunings of downloads, in the same root, to begin from.

    Returns the verdict, a dict; verdict["experiment"] is the experiment's name.
    """
    import json
    import subprocess
    import time

    names, given = split(sources)
    if given:
        raise InvalidArgument(
            f"sources of a tuning of downloads are names of experiments, not a SourceExperiment ('{given[0]['name']}')",
            "give the experiment's name, and its folder as root",
        )
    root = str(root or our_program.experiments_folder())
    name = name or _core.default_experiment_name("s3-tune", time.time())
    flags = {
        "--max-time": f"{max_time}s" if isinstance(max_time, (int, float)) else max_time,
        "--max-trials": max_trials,
        "--max-bytes": max_bytes,
        "--client": client,
        "--program": program,
        "--method": method,
        "--warm-start-from": ",".join(names) or None,
        "--repeats": repeats,
        "--start": start,
        "--to": to,
        "--folder": folder,
        "--memory-limit": memory_limit,
        "--seed": seed,
        "--name": name,
        "--experiments-dir": root,
        "--endpoint-url": endpoint_url,
        "--region": region_name,
        "--profile": profile_name,
        "--python": sys.executable,
    }
    command = [our_program.tool(), "s3", "tune", uri, "--json"]
    for flag, value in flags.items():
        if value is not None:
            command += [flag, str(value)]
    command += ["--quiet"] * quiet + ["--no-sign-request"] * anonymous
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE if quiet else None, text=True)
    if done.returncode != 0:
        kind = _EXIT_ERRORS.get(done.returncode, Error)
        said = (done.stderr or "").strip().splitlines()
        raise kind(said[-1].removeprefix("skipjack: ") if said else f"s3 tune ended with code {done.returncode}")
    return {"experiment": name, **json.loads(done.stdout)}
