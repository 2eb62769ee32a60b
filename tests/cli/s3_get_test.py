"""skipjack s3 get, and where it begins after s3 tune --save."""
import hashlib
import json
import os
import pathlib

from cli_case import TIMEOUT, Case, Server, main


class S3Get(Case):
    def get(self, server, *args, expect=0):
        return self.run_skipjack("s3", "get", *args, "--endpoint-url", server.endpoint, expect=expect)

    def test_download_to_file_folder_and_default_name(self):
        server = Server(self, "--object", "bench/dir/obj=20MiB")
        out, _ = self.get(server, "s3://bench/dir/obj", "whole")
        self.assertIn("20 MiB", out)
        (self.folder / "folder").mkdir()
        self.get(server, "s3://bench/dir/obj", "folder")
        self.get(server, "s3://bench/dir/obj")
        digests = {hashlib.sha256((self.folder / name).read_bytes()).hexdigest() for name in ("whole", "folder/obj", "obj")}
        self.assertEqual(len(digests), 1)
        self.assertEqual((self.folder / "whole").stat().st_size, 20 << 20)

    def test_json_says_effective_values(self):
        server = Server(self, "--object", "bench/o=50MiB")
        out, _ = self.get(server, "s3://bench/o", "--to", "discard", "--json", "--max-concurrency", "100",
                          "--multipart-chunksize", "8MiB")
        result = json.loads(out)
        self.assertEqual(result["bytes"], 50 << 20)
        self.assertEqual(result["config"]["max_concurrency"], 7)
        self.assertTrue(result["config"]["use_threads"])
        for key in ("seconds", "bytes_per_second", "cpu_seconds", "peak_memory_bytes"):
            self.assertGreater(result[key], 0)

    def test_says_what_was_verified_or_why_nothing_was(self):
        server = Server(self, "--object", "bench/o=20MiB")
        result = json.loads(self.get(server, "s3://bench/o", "--to", "discard", "--json")[0])
        self.assertEqual((result["checksum"], result.get("checksum_note")), ("CRC64NVME", None))
        self.assertIn("; CRC64NVME verified;", self.get(server, "s3://bench/o", "--to", "discard")[0])
        result = json.loads(self.get(server, "s3://bench/o", "--to", "discard", "--json", "--checksum", "when_required")[0])
        self.assertEqual((result["checksum"], result["checksum_note"]), (None, "checksum is when_required"))
        self.assertIn("when_required", self.fails(2, "s3", "get", "s3://bench/o", "--checksum", "never"))

    def test_config_file_and_flags(self):
        server = Server(self, "--object", "bench/o=32MiB")
        config = self.write("c.json", '{"max_concurrency": 3, "multipart_chunksize": "4MiB"}')
        result = json.loads(self.get(server, "s3://bench/o", "--to", "memory", "--json", "--config", config)[0])
        self.assertEqual((result["config"]["max_concurrency"], result["config"]["multipart_chunksize"]), (3, 4 << 20))
        result = json.loads(self.get(server, "s3://bench/o", "--to", "memory", "--json", "--config", config,
                                     "--max-concurrency", "2")[0])
        self.assertEqual(result["config"]["max_concurrency"], 2)
        result = json.loads(self.get(server, "s3://bench/o", "--to", "memory", "--json", "--boto3-defaults", "--config",
                                     self.write("two.json", '{"max_concurrency": 2}'))[0])
        self.assertEqual((result["config"]["max_concurrency"], result["config"]["multipart_chunksize"]), (2, 8 << 20))

    def test_without_threads_there_is_one_connection(self):
        server = Server(self, "--object", "bench/o=50MiB")
        result = json.loads(self.get(server, "s3://bench/o", "--to", "memory", "--json", "--no-use-threads")[0])
        self.assertEqual((result["config"]["max_concurrency"], result["num_connections"]), (1, 1))

    def test_missing_bucket_and_key(self):
        server = Server(self, "--object", "bench/o=1MiB")
        self.assertIn("nokey", self.fails(3, "s3", "get", "s3://bench/nokey", "--endpoint-url", server.endpoint))
        self.assertIn("nobucket", self.fails(3, "s3", "get", "s3://nobucket/k", "--endpoint-url", server.endpoint))
        self.assertEqual(list(self.folder.glob("nokey*")), [])

    def test_credentials(self):
        self.environment.update(SKIPJACK_SIM_ACCESS_KEY="AKIDEXAMPLE", SKIPJACK_SIM_SECRET_KEY="right")
        server = Server(self, "--object", "bench/o=1MiB")
        self.assertIn("AWS_ACCESS_KEY_ID", self.fails(5, "s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint))
        self.environment.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="wrong")
        line = self.fails(5, "s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint)
        self.assertNotIn("wrong", line.replace("wrong credentials", ""))
        self.environment.update(AWS_SECRET_ACCESS_KEY="right")
        self.get(server, "s3://bench/o")
        self.fails(5, "s3", "get", "s3://bench/o", "--no-sign-request", "--endpoint-url", server.endpoint)

    def test_keys_of_a_program(self):
        self.environment.update(SKIPJACK_SIM_ACCESS_KEY="AKIDEXAMPLE", SKIPJACK_SIM_SECRET_KEY="right")
        server = Server(self, "--object", "bench/o=1MiB")
        (self.folder / ".aws").mkdir()
        for secret, code in (("right", 0), ("mistaken", 5)):
            (self.folder / ".aws/config").write_text(
                f"[profile p]\nendpoint_url = {server.endpoint}\ncredential_process = echo '"
                f'{{"Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "{secret}"}}' "'\n")
            _, err = self.run_skipjack("s3", "get", "s3://bench/o", "--profile", "p", expect=code)
            self.assertNotIn("mistaken", err)

    def test_addresses_instead_of_a_name(self):
        server = Server(self, "--object", "bench/o=1MiB")
        named = server.endpoint.replace("127.0.0.1", "s3.name.invalid")
        self.fails(7, "s3", "get", "s3://bench/o", "--endpoint-url", named)
        self.run_skipjack("s3", "get", "s3://bench/o", "--endpoint-url", named, "--endpoint-ips",
                          "127.0.0.2,127.0.0.1")
        self.assertEqual((self.folder / "o").stat().st_size, 1 << 20)
        self.assertIn("nonsense", self.fails(2, "s3", "get", "s3://bench/o", "--endpoint-url", named,
                                             "--endpoint-ips", "nonsense"))

    def test_addresses_of_a_config_file(self):
        server = Server(self, "--object", "bench/o=1MiB")
        named = server.endpoint.replace("127.0.0.1", "s3.name.invalid")
        config = self.write("c.json", '{"endpoint_ips": ["127.0.0.1"]}')
        self.run_skipjack("s3", "get", "s3://bench/o", "--endpoint-url", named, "--config", config)
        self.assertEqual((self.folder / "o").stat().st_size, 1 << 20)

    def test_keys_as_arguments(self):
        server = Server(self, "--object", "bench/o=1MiB", "--access-key", "AKIDEXAMPLE", "--secret-key=tell-nobody")
        shown = pathlib.Path(f"/proc/{server.process.pid}/cmdline").read_text()
        self.assertIn("--secret-key", shown)
        self.assertNotIn("tell-nobody", shown)
        keys = ("--access-key", "AKIDEXAMPLE", "--secret-key", "tell-nobody")
        self.get(server, "s3://bench/o", *keys)
        self.environment.update(AWS_ACCESS_KEY_ID="AKIDOTHER", AWS_SECRET_ACCESS_KEY="other", AWS_SESSION_TOKEN="other")
        self.get(server, "s3://bench/o", *keys)  # they go before the environment
        for wrong in (keys[:2], keys[2:], ("--session-token", "t"), ("--access-key", "", "--secret-key", ""),
                      (*keys, "--no-sign-request"), (*keys, "--profile", "default")):
            line = self.fails(2, "s3", "get", "s3://bench/o", *wrong, "--endpoint-url", server.endpoint)
            self.assertIn("--", line)
            self.assertNotIn("tell-nobody", line)
        line = self.fails(5, "s3", "get", "s3://bench/o", "--access-key", "AKIDEXAMPLE", "--secret-key", "mistaken",
                          "--endpoint-url", server.endpoint)
        self.assertNotIn("mistaken", line)

    def test_unreachable_endpoint(self):
        import socket
        with socket.socket() as bound:  # bound and not listening: refuses
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
            line = self.fails(7, "s3", "get", "s3://bench/o", "--endpoint-url", f"http://127.0.0.1:{port}")
        self.assertIn(f"127.0.0.1:{port}", line)

    def test_destination_that_cannot_be_written(self):
        server = Server(self, "--object", "bench/o=1MiB")
        self.assertIn("nowhere", self.fails(3, "s3", "get", "s3://bench/o", "nowhere/o", "--endpoint-url", server.endpoint))

    def test_refused_folder_is_not_blamed_on_credentials(self):
        server = Server(self, "--object", "bench/o=1MiB")
        folder = self.folder / "read-only"
        folder.mkdir(mode=0o555)
        if os.access(folder, os.W_OK):  # root may write there, but nobody makes files in /sys
            folder = "/sys"
        process = self.start("s3", "get", "s3://bench/o", f"{folder}/o", "--endpoint-url", server.endpoint)
        _, err = process.communicate(timeout=TIMEOUT)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn(f"{folder}/o", err)
        self.assertNotIn("AWS_ACCESS_KEY_ID", err)

    def test_many_connections_need_no_higher_limit_of_files(self):
        import resource
        server = Server(self, "--object", "bench/o=64MiB")
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        process = self.start("s3", "get", "s3://bench/o", "--to", "discard", "--json", "--max-concurrency", "60",
                             "--multipart-chunksize", "1MiB", "--endpoint-url", server.endpoint,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (30, hard)))
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual(json.loads(out)["num_parts"], 64)

    def test_more_connections_than_files_is_said(self):
        import resource
        profile = self.write("slow.json", '{"name": "slow", "link_bytes_per_second": 1000000}')
        server = Server(self, "--object", "bench/o=64MiB", "--profile", profile)
        limit = 30  # beyond which no connection can be opened, since the hard limit is as low
        for host in ("127.0.0.1", "localhost"):  # a name takes files to look up
            process = self.start("s3", "get", "s3://bench/o", "--to", "discard", "--endpoint-url",
                                 server.endpoint.replace("127.0.0.1", host), "--max-concurrency", "64",
                                 "--multipart-chunksize", "1MiB",
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
            _, err = process.communicate(timeout=TIMEOUT)
            self.assertEqual(process.returncode, 11, err)
            for words in ("open files", str(limit), "max_concurrency", "ulimit -n"):
                self.assertIn(words, err)
            self.assertNotIn("reach http", err)

    def test_nothing_is_printed_into_files_where_standard_descriptors_are_closed(self):
        server = Server(self, "--object", "bench/o=5MiB")
        self.get(server, "s3://bench/o", "whole")
        for closed, target, code in (((1,), "out", 6), ((1,), "-", 6), ((2,), "out", 0), ((0, 1, 2), "out", 6)):
            process = self.start("s3", "get", "s3://bench/o", target, "--endpoint-url", server.endpoint,
                                 preexec_fn=lambda: [os.close(fd) for fd in closed])
            _, err = process.communicate(timeout=TIMEOUT)
            self.assertEqual(process.returncode, code, err)
            if 2 not in closed:
                self.assertIn("standard output: Bad file descriptor", err)
            if target != "-":
                self.assertEqual((self.folder / "out").read_bytes(), (self.folder / "whole").read_bytes())

    def test_the_last_line_says_what_an_earlier_call_left(self):
        faults = self.write("faults.json", '[{"kind": "status", "status": 403, "code": "AccessDenied", "first": 9}]')
        server = Server(self, "--object", "bench/o=40MiB", "--faults", faults)
        command = ("s3://bench/o", "--resume", "--max-concurrency", "2", "--multipart-chunksize", "1MiB")
        self.fails(5, "s3", "get", *command, "--endpoint-url", server.endpoint)
        self.assertRegex(self.get(server, *command)[0], r"/s; resumed: [\d.]+ MiB of 40 MiB were there; ")

    def test_full_disk_leaves_nothing(self):
        import resource
        server = Server(self, "--object", "bench/o=20MiB")
        process = self.start("s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
        _, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 6, err)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith(("o", ".o"))], [])


class S3Tuned(Case):
    """What s3 tune --save keeps and s3 get begins with."""

    def setUp(self):
        super().setUp()
        self.server = Server(self, "--object", "bench/o=32MiB")
        self.path = self.folder / ".local/state/skipjack/tuned-downloads.json"

    def keep(self, **changes):
        import socket
        profile = {"host": socket.gethostname(), "endpoint": self.server.endpoint, "size_class": 12,
                   "max_concurrency": 5, "multipart_chunksize": 2 << 20, **changes}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps({"version": 1, "profiles": [profile]}))

    def get(self, *args):
        out, err = self.run_skipjack("s3", "get", "s3://bench/o", "--to", "discard", "--json", "--endpoint-url",
                                     self.server.endpoint, *args)
        return json.loads(out), err

    def test_a_saved_profile_is_where_a_download_begins(self):
        self.keep()
        result, err = self.get()
        self.assertIn("note: begins with 5 requests of 2 MiB, as tuned for this host", err)
        self.assertLessEqual(result["config"]["max_concurrency"], 6)
        for args in (("--no-tuned",), ("--max-concurrency", "3"), ("--no-use-threads",), ("--quiet",)):
            self.assertNotIn("note:", self.get(*args)[1])
        self.assertGreater(self.get("--no-tuned")[0]["config"]["max_concurrency"], 6)

    def test_others_profiles_are_theirs(self):
        for changes in ({"host": "another"}, {"endpoint": "http://127.0.0.1:1"}, {"size_class": 13},
                        {"max_concurrency": -5}):
            self.keep(**changes)
            self.assertNotIn("note:", self.get()[1])

    def test_a_broken_file_is_said_and_left_out(self):
        self.keep()
        for text in ("", "[" * 100000, '{"version": 7, "profiles": []}', "\x1b[31m\udcff"):
            self.path.write_bytes(text.encode(errors="surrogateescape"))
            err = self.get()[1]
            self.assertIn("note: " + str(self.path), err)
            self.assertNotIn("\x1b", err)
        self.path.unlink()
        self.path.symlink_to("/dev/zero")
        self.assertIn("note: " + str(self.path), self.get()[1])

    def test_without_a_home_nothing_is_saved_or_asked(self):
        del self.environment["HOME"]
        self.assertNotIn("note:", self.get()[1])
        self.assertIn("XDG_STATE_HOME", self.fails(3, "s3", "tune", "s3://bench/o", "--save", "--endpoint-url",
                                                   self.server.endpoint))

    def test_tune_saves_its_winner_or_says_that_there_is_none(self):
        self.environment["XDG_STATE_HOME"] = str(self.folder / "state")
        path = self.folder / "state/skipjack/tuned-downloads.json"
        self.server = Server(self, "--profile", "ec2-small", "--object", "bench/o=32MiB")
        out, err = self.run_skipjack("s3", "tune", "s3://bench/o", "--to", "discard", "--max-time", "8s", "--save",
                                     "--json", "--python", "/nonexistent", "--endpoint-url", self.server.endpoint)
        has_won = json.loads(out)["answer"] == "winner"
        self.assertEqual(path.exists(), has_won, err)
        self.assertIn(f"saved in {path}" if has_won else "so nothing is saved", err)
        if has_won:
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual("note: begins with" in self.get()[1], has_won)
        self.fails(2, "s3", "tune", "s3://bench/o", "--save", "--client", "boto3", "--endpoint-url", self.server.endpoint)


if __name__ == "__main__":
    main()
