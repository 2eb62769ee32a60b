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
    kind_of,
    seed_of,
    text_of,
)
from .experiments import load_experiment
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
_CLIENT_FIELD = "preferred_transfer_client"
_CLIENTS = ("auto", "classic", "crt")
_OWN_FIELDS = ("memory_limit", "hedge", "resume", "fsync", "checksum", "write_mode")
_BOTO3_ALIASES = {"max_concurrency": "max_request_concurrency", "max_io_queue": "max_io_queue_size"}


class TransferConfig:
    """boto3's TransferConfig with its names, units and defaults, and more.

    What is not set is left to the engine, which finds it by measuring; reading it gives boto3's
    default, as it does there. Sizes are in bytes or texts such as "8MiB".

    preferred_transfer_client ("auto", "classic" or "crt") is taken since boto3 has it, and changes nothing: it
    chooses among boto3's own engines, and this one takes their place.

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
        preferred_transfer_client=None,
        *,
        memory_limit=None,
        hedge=None,
        resume=None,
        fsync=None,
        checksum=None,
        write_mode=None,
    ):
        given = locals()
        self._take({name: given[name] for name in _FIELDS + _OWN_FIELDS})
        self.preferred_transfer_client = preferred_transfer_client

    def _take(self, values):
        values = {name: value for name, value in values.items() if value is not None}
        _core.validate_transfer_config(values)
        object.__setattr__(self, "_set", values)

    def __setattr__(self, name, value):
        """As in boto3, a field may be set later, too; None: it is left to the engine again."""
        if name in _FIELDS + _OWN_FIELDS:
            self._take({**self._set, name: value})
        elif name == _CLIENT_FIELD:
            object.__setattr__(self, name, _transfer_client(value))
        else:
            raise AttributeError(f"TransferConfig has no '{name}'")

    def __getattr__(self, name):
        if name in _FIELDS + _OWN_FIELDS:
            return self._set.get(name, _core.boto3_defaults().get(name))
        raise AttributeError(f"TransferConfig has no '{name}'")

    def to_dict(self):
        """What was set."""
        return dict(self._set)

    def __repr__(self):
        return "TransferConfig(" + ", ".join(f"{name}={value!r}" for name, value in self._set.items()) + ")"


def _transfer_client(name):
    """As boto3 reads it, but that a name which it does not know is refused."""
    if name is None:
        return "auto"
    if not isinstance(name, str) or name.lower() not in _CLIENTS:
        raise InvalidArgument(f"{_CLIENT_FIELD} = {name!r} must be one of: {', '.join(_CLIENTS)}")
    return name


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
        raise InvalidArgument(f"Config must be a TransferConfig, not {kind_of(config)}")
    return found


def _session_options(session):
    """Keys, region and endpoint of a boto3 session, client or resource."""
    client = getattr(getattr(session, "meta", None), "client", session)  # of a resource
    if hasattr(client, "_request_signer"):
        return {
            **_key_options(client._request_signer._credentials),
            "region": client.meta.region_name,
            "endpoint_url": client.meta.endpoint_url,
        }
    if isinstance(session, type) or not hasattr(session, "get_credentials") or not hasattr(session, "region_name"):
        raise InvalidArgument(
            f"session must be a session, a client or a resource of boto3, not {kind_of(session)}",
            "such as boto3.Session(profile_name=...)",
        )
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
            text_of("Bucket", Bucket),
            text_of("Key", Key),
            _path(Filename),
            _config_dict(Config),
            _called(Callback),
            **_extra(ExtraArgs),
        )

    def download_bytes(self, Bucket, Key, ExtraArgs=None, Callback=None, Config=None):
        """Downloads an object into memory."""
        return self._client.download(
            text_of("Bucket", Bucket),
            text_of("Key", Key),
            None,
            _config_dict(Config),
            _called(Callback),
            **_extra(ExtraArgs),
        )["body"]

    def head_object(self, Bucket, Key):
        """A dict with size, etag, version_id, last_modified, content_type."""
        return self._client.head(text_of("Bucket", Bucket), text_of("Key", Key))


def _called(callback):
    if callback is not None and not callable(callback):
        raise InvalidArgument(f"Callback must be a function, not {kind_of(callback)}")
    return callback


def _path(filename):
    try:
        return os.fsdecode(filename)
    except TypeError:
        kind = type(filename).__name__
        raise InvalidArgument(f"Filename must be a str or a path, not {kind}", "download_bytes() needs none") from None


def _extra(arguments):
    if arguments is not None and not hasattr(arguments, "items"):
        raise InvalidArgument(f"ExtraArgs must be a dict, not {kind_of(arguments)}")
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
    python=None,
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
    client: whose values are tuned, "native" (this engine's), "boto3", "boto3-crt", "awscli", "s5cmd" or "rclone".
    program: of a client that is a program of its own; None: its name, in PATH. python: the interpreter that boto3
    runs in; None: this one.
    sources: names of earlier tunings of downloads, in the same root, to begin from.
    quiet: False passes on to sys.stderr how it goes.

    Returns the verdict, a dict; verdict["experiment"] is the experiment's name. Ctrl-C ends the downloads, keeps the
    results and then raises KeyboardInterrupt; where this process is killed, the tuning ends, too.
    """
    import time

    if not text_of("uri", uri).startswith("s3://"):
        raise InvalidArgument(f"uri = {uri!r} must begin with s3://", "such as s3://bucket/key or s3://bucket/prefix/")
    names, given = split(sources)
    if given:
        raise InvalidArgument(
            f"sources of a tuning of downloads are names of experiments, not a SourceExperiment ('{given[0]['name']}')",
            "give the experiment's name, and its folder as root",
        )
    root = our_program.root_folder(root)
    name = text_of("name", name) if name else _core.default_experiment_name("s3-tune", time.time())
    values = {
        "max_time": f"{max_time}s" if isinstance(max_time, (int, float)) else max_time,
        "max_trials": max_trials,
        "max_bytes": max_bytes,
        "client": client,
        "program": program,
        "method": None if method is None else text_of("method", method),
        "sources": ",".join(names) or None,
        "repeats": repeats,
        "start": start,
        "to": to,
        "folder": folder,
        "memory_limit": memory_limit,
        "seed": None if seed is None else seed_of(seed),
        "name": name,
        "root": root,
        "endpoint_url": endpoint_url,
        "region_name": region_name,
        "profile_name": profile_name,
        "python": python or sys.executable,
    }
    command = ["s3", "tune", uri, "--exit-with-parent"]
    for argument, value in values.items():
        if value is not None:
            command += [_flag(argument), str(value)]
    command += ["--quiet"] * quiet + ["--no-sign-request"] * anonymous
    _call_tool(command, quiet, {_flag(argument): argument for argument in (*values, "anonymous") if argument != "root"})
    return {"experiment": name, **load_experiment(name, root).verdict}


# Arguments that the command line tool has under another name.
_FLAGS = {
    "sources": "--warm-start-from",
    "root": "--experiments-dir",
    "region_name": "--region",
    "profile_name": "--profile",
    "anonymous": "--no-sign-request",
}


def _flag(argument):
    return _FLAGS.get(argument) or "--" + argument.replace("_", "-")


def _in_words_of_python(message, arguments):
    """A message of the command line tool, where a flag is called by the argument that it stands for. Not in the
    middle of a word or a path, which are the user's; root is left out of arguments, as it stands in command lines."""
    import re

    def in_python(found):
        flag, value = found.groups()
        if flag not in arguments:
            return found[0]
        return f'{arguments[flag]}="{value}"' if value else arguments[flag]

    return re.sub(r"(?<![\w/.'-])(--[a-z][a-z-]*)(?: (file|memory|discard)\b)?", in_python, message)


def _call_tool(command, quiet, arguments):
    """Runs the command line tool to its end; its errors are raised as the library's. arguments: {flag: argument}."""
    import signal
    import subprocess

    last = ""
    with subprocess.Popen(
        [our_program.tool(), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C comes from here alone: a second one would kill it
    ) as process:
        try:
            for line in process.stderr:
                last = line.strip() or last
                if not quiet:
                    sys.stderr.write(line)
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate()
            finally:
                process.kill()
            raise
    if process.returncode != 0:
        kind = _EXIT_ERRORS.get(process.returncode, Error)
        said = last.removeprefix("skipjack: ") if last.startswith("skipjack: ") else ""
        raise kind(_in_words_of_python(said, arguments) or f"the tuning ended with code {process.returncode}")
