"""`skipjack s3 get` against a real S3 server, SeaweedFS, with boto3 as the referee: what boto3 uploads we
download, byte for byte, and each refusal is classified as documented. SKIPJACK names the binary under test."""
import hashlib
import json
import os
import subprocess
import unittest

from boto3.s3.transfer import TransferConfig

from seaweed import KEYS, MIB, SeaweedCase

SKIPJACK = os.environ["SKIPJACK"]


class RealServer(SeaweedCase):
    def get(self, key, *options, keys=KEYS):
        target = self.folder / "out"
        target.unlink(missing_ok=True)
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **keys}
        run = subprocess.run([SKIPJACK, "s3", "get", f"s3://bench/{key}", str(target), "--endpoint-url",
                              self.endpoint, *options], env=environment, capture_output=True, text=True, timeout=120)
        return run, target

    def check_same(self, key, body, *options, verified="CRC32"):
        """boto3 sends a CRC32 with what it uploads; of parts the server keeps a checksum of checksums."""
        run, target = self.get(key, "--json", *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(json.loads(run.stdout)["checksum"], verified, run.stdout)
        self.assertEqual(hashlib.sha256(target.read_bytes()).hexdigest(), hashlib.sha256(body).hexdigest())

    def test_downloads_what_boto3_uploaded_in_one_piece(self):
        for size in (0, 1, 4095, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 40 * MIB + 12345):
            with self.subTest(size=size):
                body = os.urandom(size)
                self.client.put_object(Bucket="bench", Key=f"single-{size}", Body=body)
                self.check_same(f"single-{size}", body)
                self.check_same(f"single-{size}", body, "--max-concurrency", "3", "--multipart-chunksize", "1MiB",
                                "--io-chunksize", "64KiB", "--max-io-queue", "4")

    def test_downloads_a_multipart_upload(self):
        body = os.urandom(37 * MIB + 7)
        path = self.folder / "body"
        path.write_bytes(body)
        self.client.upload_file(str(path), "bench", "multi", Config=TransferConfig(multipart_chunksize=8 * MIB))
        self.check_same("multi", body, verified=None)

    def test_keys_with_odd_characters(self):
        for key in ("a b/c+d", "umlaut-ä", "percent%20", "q?x=1&y=2", "quote'(1)"):
            with self.subTest(key=key):
                self.client.put_object(Bucket="bench", Key=key, Body=key.encode())
                self.check_same(key, key.encode())

    def test_wrong_secret_is_refused_clearly_and_not_shown(self):
        wrong = dict(KEYS, AWS_SECRET_ACCESS_KEY="entirely-wrong-secret")
        run, target = self.get("probe", keys=wrong)
        self.assertEqual(run.returncode, 5, run.stderr)
        self.assertNotIn("entirely-wrong-secret", run.stdout + run.stderr)
        self.assertEqual(len(run.stderr.strip().splitlines()), 1, run.stderr)
        self.assertFalse(target.exists())

    def test_missing_key_is_not_found(self):
        run, target = self.get("no-such-key")
        self.assertEqual(run.returncode, 3, run.stderr)
        self.assertIn("no-such-key", run.stderr)
        self.assertFalse(target.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
