"""Many objects, uploads and the commands for them against a real S3 server, SeaweedFS, with boto3 and the AWS CLI as
referees in both directions: what they upload we download, what we upload they see, same bytes, same metadata, same
ETags. SKIPJACK names the binary under test."""
import filecmp
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from boto3.s3.transfer import TransferConfig

from seaweed import KEYS, MIB, SeaweedCase

SKIPJACK = os.environ["SKIPJACK"]
AWS = pathlib.Path(sys.executable).parent / "aws"


def multipart_etag(body, part):
    digests = [hashlib.md5(body[i:i + part]).digest() for i in range(0, len(body), part)]
    return f'"{hashlib.md5(b"".join(digests)).hexdigest()}-{len(digests)}"'


class Objects(SeaweedCase):
    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TZ": "UTC",
                            "AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": KEYS["AWS_REGION"], **KEYS}

    def skipjack(self, *words, expect=0, **options):
        run = subprocess.run([SKIPJACK, "s3", *map(str, words)], env=self.environment, capture_output=True, timeout=120,
                             cwd=self.scratch, **options)
        self.assertEqual(run.returncode, expect, run.stderr.decode())
        return run.stdout

    def aws(self, *words):
        run = subprocess.run([sys.executable, AWS, "s3", *map(str, words)], env=self.environment, capture_output=True,
                             timeout=120, cwd=self.scratch)
        self.assertEqual(run.returncode, 0, run.stderr.decode())
        return run.stdout.decode()

    def body_of(self, key):
        return self.client.get_object(Bucket="bench", Key=key)["Body"].read()

    def keys_below(self, prefix):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="bench", Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def make_tree(self, name, count=60):
        tree = self.scratch / name
        for i in range(count):
            path = tree / f"dir {i % 5}" / f"f+{i} ä&%.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(i * 700))
        return tree

    def assert_same_tree(self, a, b):
        files = sorted(p.relative_to(a) for p in a.rglob("*") if p.is_file())
        self.assertEqual(files, sorted(p.relative_to(b) for p in b.rglob("*") if p.is_file()))
        match, mismatch, errors = filecmp.cmpfiles(a, b, [str(f) for f in files], shallow=False)
        self.assertEqual((mismatch, errors), ([], []))

    def test_boto3_reads_what_one_put_made(self):
        for size in (0, 1, 5 * MIB):
            body = os.urandom(size)
            (self.scratch / "body").write_bytes(body)
            self.skipjack("put", "body", "s3://bench/put/one", "--content-type", "text/x-test", "--metadata",
                          "colour=blue", "--metadata", "shape=round=ish")
            answer = self.client.get_object(Bucket="bench", Key="put/one")
            self.assertEqual(answer["Body"].read(), body)
            self.assertEqual(answer["ContentType"], "text/x-test")
            self.assertEqual(answer["Metadata"], {"colour": "blue", "shape": "round=ish"})
            self.assertEqual(answer["ETag"], f'"{hashlib.md5(body).hexdigest()}"')

    def test_boto3_reads_what_parts_made_and_the_etag_is_boto3s(self):
        body = os.urandom(23 * MIB + 17)
        (self.scratch / "body").write_bytes(body)
        said = json.loads(self.skipjack("put", "body", "s3://bench/put/parts", "--content-type", "video/x", "--metadata",
                                        "a=b", "--multipart-chunksize", "6MiB", "--json"))
        answer = self.client.get_object(Bucket="bench", Key="put/parts")
        self.assertEqual(hashlib.sha256(answer["Body"].read()).digest(), hashlib.sha256(body).digest())
        self.assertEqual((answer["ContentType"], answer["Metadata"]), ("video/x", {"a": "b"}))
        self.assertEqual((said["num_parts"], said["bytes"]), (4, len(body)))
        self.assertEqual(answer["ETag"], multipart_etag(body, 6 * MIB))
        self.client.upload_file(str(self.scratch / "body"), "bench", "put/theirs",
                                Config=TransferConfig(multipart_chunksize=6 * MIB))
        self.assertEqual(said["etag"], self.client.head_object(Bucket="bench", Key="put/theirs")["ETag"])

    def test_a_pipe_goes_in_and_out(self):
        body = os.urandom(13 * MIB + 5)
        self.skipjack("cp", "-", "s3://bench/piped", "--multipart-chunksize", "5MiB", input=body)
        self.assertEqual(self.body_of("piped"), body)
        self.assertEqual(self.skipjack("cp", "s3://bench/piped", "-", "--multipart-chunksize", "1MiB"), body)
        self.assertEqual(self.skipjack("get", "s3://bench/piped", "-", "--range", "1000000-1999999"), body[1000000:2000000])
        self.assertEqual(self.skipjack("get", "s3://bench/piped", "-", "--range", "-77"), body[-77:])

    def test_trees_go_both_ways(self):
        tree = self.make_tree("ours")
        self.skipjack("cp", "--recursive", tree, "s3://bench/trees/ours", "--quiet")
        self.aws("cp", "--recursive", "s3://bench/trees/ours", self.scratch / "by-aws", "--quiet")
        self.assert_same_tree(tree, self.scratch / "by-aws")
        theirs = self.make_tree("theirs")
        self.aws("cp", "--recursive", theirs, "s3://bench/trees/theirs", "--quiet")
        self.skipjack("cp", "--recursive", "s3://bench/trees/theirs", "by-us", "--quiet")
        self.assert_same_tree(theirs, self.scratch / "by-us")

    def test_more_than_a_page_of_objects(self):
        tree = self.scratch / "many"
        tree.mkdir()
        for i in range(1150):
            (tree / f"{i:05}").write_bytes(f"number {i}".encode())
        self.skipjack("cp", "-r", tree, "s3://bench/many/", "--quiet")
        self.assertEqual(len(self.keys_below("many/")), 1150)
        said = json.loads(self.skipjack("cp", "-r", "s3://bench/many/", "back", "--json"))
        self.assertEqual((said["objects"], said["failed"]), (1150, 0))
        self.assert_same_tree(tree, self.scratch / "back")
        self.skipjack("rm", "--recursive", "s3://bench/many", "--quiet", "--exclude", "*", "--include", "000*")
        self.assertEqual(len(self.keys_below("many/")), 1050)
        self.skipjack("rm", "--recursive", "s3://bench/many", "--quiet")
        self.assertEqual(self.keys_below("many/"), [])

    def test_the_same_filters_choose_what_aws_chooses(self):
        tree = self.scratch / "filters"
        for name in ("a.txt", "b.log", "sub/c.txt", "sub/d.log", "sub/deep/e.txt", "x[1].txt"):
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
        self.skipjack("cp", "-r", tree, "s3://bench/filters", "--quiet")
        for number, rules in enumerate((["--exclude", "*.log"], ["--exclude", "*", "--include", "*.txt"],
                                        ["--exclude", "*", "--include", "sub/*", "--exclude", "*.log"],
                                        ["--include", "*", "--exclude", "[ab].*"], ["--exclude", "sub/?.txt"])):
            with self.subTest(rules=rules):
                self.skipjack("cp", "-r", "s3://bench/filters", f"ours{number}", "--quiet", *rules)
                self.aws("cp", "--recursive", "s3://bench/filters", f"theirs{number}", "--quiet", *rules)
                self.assert_same_tree(self.scratch / f"theirs{number}", self.scratch / f"ours{number}")

    def test_ls_says_what_aws_says(self):
        for key in ("ls/one", "ls/two words", "ls/sub/three"):
            self.client.put_object(Bucket="bench", Key=key, Body=b"x" * len(key))
        for words in (["s3://bench/ls/"], ["s3://bench/ls/", "--recursive"], ["s3://bench/ls/o"],
                      ["s3://bench/ls/", "--recursive", "--summarize"]):
            with self.subTest(words=words):
                self.assertEqual(self.skipjack("ls", *words).decode(), self.aws("ls", *words))

    def test_patterns_and_lists(self):
        for key in ("g/a1.txt", "g/a2.txt", "g/b1.txt", "g/deep/a3.txt"):
            self.client.put_object(Bucket="bench", Key=key, Body=key.encode())
        self.skipjack("cp", "s3://bench/g/a*.txt", "globbed/", "--quiet")
        self.assertEqual({p.name for p in (self.scratch / "globbed").iterdir()}, {"a1.txt", "a2.txt"})
        (self.scratch / "list").write_text("s3://bench/g/b1.txt\ns3://bench/g/deep/a3.txt\n")
        self.skipjack("cp", "--from-list", "list", "listed", "--quiet")
        self.assertEqual((self.scratch / "listed" / "a3.txt").read_bytes(), b"g/deep/a3.txt")
        self.client.put_object(Bucket="bench", Key="g/star*", Body=b"star")
        self.skipjack("cp", "s3://bench/g/star*", "literal", "--literal", "--quiet")
        self.assertEqual((self.scratch / "literal").read_bytes(), b"star")

    def test_hostile_keys_stay_in_the_folder(self):
        target = self.scratch / "target"
        for key in ("hostile/ok", "hostile/..ok"):
            self.client.put_object(Bucket="bench", Key=key, Body=b"good")
        target.mkdir()
        (self.scratch / "outside").mkdir()
        (target / "link").symlink_to(self.scratch / "outside")
        self.client.put_object(Bucket="bench", Key="hostile/link/evil", Body=b"evil")
        self.skipjack("cp", "-r", "s3://bench/hostile", target, expect=1)
        self.assertEqual({p.name for p in target.iterdir() if p.is_file()}, {"ok", "..ok"})
        self.assertEqual(list((self.scratch / "outside").iterdir()), [])

    def uploads_begun(self):
        return self.client.list_multipart_uploads(Bucket="bench").get("Uploads", [])

    def test_ctrl_c_leaves_no_upload_behind(self):
        with open(self.scratch / "body", "wb") as body:
            body.truncate(200 * MIB)
        process = subprocess.Popen([SKIPJACK, "s3", "put", "body", "s3://bench/interrupted", "--max-bandwidth", "10MB",
                                    "--multipart-chunksize", "5MiB"], env=self.environment, cwd=self.scratch,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while not self.uploads_begun() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertEqual(len(self.uploads_begun()), 1)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, error)
        self.assertEqual(self.uploads_begun(), [])
        self.assertEqual(self.keys_below("interrupted"), [])

    def test_a_kill_leaves_whole_files_only(self):
        tree = self.scratch / "whole"
        tree.mkdir()
        for i in range(300):
            (tree / f"{i:03}").write_bytes(bytes([i % 256]) * 60000)
        self.skipjack("cp", "-r", tree, "s3://bench/whole", "--quiet")
        for number, wanted in enumerate((1, 20, 120)):
            target = self.scratch / f"killed{number}"
            process = subprocess.Popen([SKIPJACK, "s3", "cp", "-r", "s3://bench/whole", str(target), "--max-bandwidth",
                                        "20MB", "--quiet"], env=self.environment, stdout=subprocess.DEVNULL)
            while process.poll() is None and (not target.exists() or len(os.listdir(target)) < wanted):
                time.sleep(0.002)
            process.kill()
            process.wait()
            for name in os.listdir(target):
                self.assertEqual((target / name).read_bytes(), (tree / name).read_bytes(), name)
        self.assertLess(len(os.listdir(self.scratch / "killed0")), 300)

    def test_what_is_not_there(self):
        self.skipjack("cp", "s3://bench/no-such-key", "here", expect=3)
        self.assertFalse((self.scratch / "here").exists())
        self.skipjack("cp", "no-such-file", "s3://bench/x", expect=3)
        self.skipjack("ls", "s3://no-such-bucket", expect=3)
        self.skipjack("ls", "s3://bench/no-such-prefix", expect=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
