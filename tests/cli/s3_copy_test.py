"""skipjack s3 cp, put, ls and rm."""
import json
import os
import signal
import subprocess

from cli_case import TIMEOUT, Case, Server, main


class S3Copy(Case):
    """cp, put, ls and rm against a server of our own; real servers and other clients: tests/system."""

    def setUp(self):
        super().setUp()
        self.server = Server(self, "--bucket", "bench", "--object", "bench/large=9MiB")
        self.environment["AWS_ENDPOINT_URL"] = self.server.endpoint
        self.environment["TZ"] = "UTC"

    def s3(self, *args, expect=0):
        return self.run_skipjack("s3", *args, expect=expect)[0]

    def bytes_of(self, *args):
        return subprocess.run([self.program, "s3", *args], cwd=self.folder, env=self.environment, check=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT).stdout

    def test_a_tree_goes_up_and_comes_down(self):
        for name in ("a", "d/b", "d/e/c d"):
            (self.folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
            self.write("tree/" + name, name)
        out = self.s3("cp", "--recursive", "tree", "s3://bench/up")
        self.assertIn("upload: tree/d/e/c d to s3://bench/up/d/e/c d", out)
        out = self.s3("cp", "-r", "s3://bench/up", "down")
        self.assertIn("download: s3://bench/up/a to down/a", out)
        self.assertIn("3 objects, 11 B", out)
        for name in ("a", "d/b", "d/e/c d"):
            self.assertEqual((self.folder / "down" / name).read_text(), name)
        result = json.loads(self.s3("cp", "-r", "s3://bench/up", "again", "--json"))
        self.assertEqual((result["objects"], result["failed"], result["bytes"]), (3, 0, 11))

    def test_nothing_below_a_prefix_is_said(self):
        self.write("file", "text")
        self.s3("put", "file", "s3://bench/there/file")
        for args in (("s3://bench/empty", "down"), ("s3://bench/empty", "down", "--dryrun")):
            self.assertIn(args[0], self.fails(3, "s3", "cp", "-r", *args))
        self.s3("cp", "-r", "s3://bench/there", "down", "--exclude", "*")  # asked for

    def test_one_object_gets_the_name_that_is_asked_for(self):
        self.write("file", "text")
        self.s3("put", "file", "s3://bench/dir/")
        self.s3("cp", "s3://bench/dir/file", "new name")
        self.assertEqual((self.folder / "new name").read_text(), "text")
        (self.folder / "folder").mkdir()
        self.s3("cp", "s3://bench/dir/file", "folder")
        self.s3("cp", "s3://bench/dir/file", "made/")
        self.assertTrue((self.folder / "folder/file").exists() and (self.folder / "made/file").exists())

    def test_standard_output_has_the_bytes_and_nothing_else(self):
        self.s3("get", "s3://bench/large", "file")
        body = (self.folder / "file").read_bytes()
        self.assertEqual(self.bytes_of("get", "s3://bench/large", "-", "--multipart-chunksize", "100KiB"), body)
        self.assertEqual(self.bytes_of("cp", "s3://bench/large", "-"), body)
        self.assertEqual(self.bytes_of("get", "s3://bench/large", "-", "--range", "5-9"), body[5:10])
        self.assertEqual(self.bytes_of("get", "s3://bench/large", "-", "--range", "9000000-"), body[9000000:])
        for wrong in ("9-5", "a-b", "5", "", "--", "1-2-3"):
            self.fails(2, "s3", "get", "s3://bench/large", "-", "--range", wrong)

    def test_a_reader_that_goes_away_ends_it_like_other_programs(self):
        process = subprocess.Popen([self.program, "s3", "get", "s3://bench/large", "-"], cwd=self.folder,
                                   env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.wait(TIMEOUT), -signal.SIGPIPE)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()

    def test_ctrl_c_ends_it_though_nobody_reads(self):
        process = subprocess.Popen([self.program, "s3", "get", "s3://bench/large", "-"], cwd=self.folder,
                                   env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(10)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(TIMEOUT), 130)
        process.stdout.close()
        process.stderr.close()

    def test_the_order_of_filters_counts(self):
        for name in ("x.txt", "y.log", "z.txt"):
            self.write(name, name)
            self.s3("put", name, "s3://bench/f/")
        self.s3("cp", "-r", "s3://bench/f", "one", "--exclude", "*", "--include", "*.txt", "--exclude", "z*", "-q")
        self.assertEqual(os.listdir(self.folder / "one"), ["x.txt"])
        self.s3("cp", "-r", "s3://bench/f", "two", "--include", "*.txt", "--exclude", "*", "-q")
        self.assertEqual(os.listdir(self.folder / "two"), [])

    def test_several_sources_need_names_of_their_own(self):
        self.write("a", "1")
        for key in ("p/a", "q/a", "q/b"):
            self.s3("put", "a", "s3://bench/" + key)
        self.s3("cp", "s3://bench/p/a", "s3://bench/q/b", "both")
        self.assertEqual(sorted(os.listdir(self.folder / "both")), ["a", "b"])
        self.assertIn("'a'", self.fails(2, "s3", "cp", "s3://bench/p/a", "s3://bench/q/a", "clash"))
        (self.folder / "p").mkdir()
        self.write("p/a", "2")
        self.assertIn("s3://bench/r/a", self.fails(2, "s3", "cp", "a", "p/a", "s3://bench/r/"))
        self.fails(3, "s3", "get", "s3://bench/r/a")

    def test_a_pattern_stands_alone_and_matches_something(self):
        self.write("a", "1")
        for key in ("m/1.x", "m/2.x", "m/[3].x"):
            self.s3("cp", "a", "s3://bench/" + key)
        self.s3("cp", "s3://bench/m/?.x", "two")
        self.assertEqual(sorted(os.listdir(self.folder / "two")), ["1.x", "2.x"])
        self.assertIn("--literal", self.run_skipjack("s3", "cp", "s3://bench/m/[3].x", "none", expect=3)[1])
        self.run_skipjack("s3", "cp", "s3://bench/m/[3].x", "none", "--dryrun", expect=3)
        self.fails(2, "s3", "cp", "s3://bench/m/?.x", "s3://bench/m/1.x", "none")
        self.s3("cp", "s3://bench/m/[3].x", "s3://bench/m/1.x", "both", "--literal")
        self.assertEqual(sorted(os.listdir(self.folder / "both")), ["1.x", "[3].x"])
        self.write("list", "s3://bench/m/[3].x\n")
        self.s3("cp", "--from-list", "list", "listed/")
        self.assertEqual(os.listdir(self.folder / "listed"), ["[3].x"])

    def test_filters_of_what_is_named_are_refused(self):
        self.write("a", "1")
        self.s3("put", "a", "s3://bench/kept")
        self.fails(2, "s3", "rm", "s3://bench/kept", "--exclude", "*")
        self.fails(2, "s3", "cp", "s3://bench/kept", "got", "--exclude", "*")
        self.fails(2, "s3", "cp", "a", "s3://bench/kept", "--include", "*")
        self.s3("get", "s3://bench/kept", "got")

    def test_ctrl_c_ends_the_wait_for_input(self):
        for command in ("cp", "put"):
            process = subprocess.Popen([self.program, "s3", command, "-", "s3://bench/typed"], cwd=self.folder,
                                       env=self.environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdin.write(b"x" * 200000)  # more than a pipe holds: it has begun to read
            process.stdin.flush()
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(TIMEOUT), 130, process.stderr.read())
            process.stdin.close()
            process.stderr.close()
        self.fails(3, "s3", "get", "s3://bench/typed", "none")

    def test_failures_are_told_and_the_rest_is_done(self):
        self.write("a", "1")
        self.s3("put", "a", "s3://bench/a")
        self.write("list", "s3://bench/none\ns3://bench/a\n")
        out, err = self.run_skipjack("s3", "cp", "--from-list", "list", "got", expect=1)
        self.assertIn("s3://bench/none does not exist", err)
        self.assertIn("1 failed", out)
        self.assertEqual(os.listdir(self.folder / "got"), ["a"])
        self.fails(3, "s3", "cp", "s3://bench/none", "here")

    def test_dry_runs_do_nothing(self):
        self.write("a", "1")
        self.assertIn("(dryrun) upload: a to s3://bench/a", self.s3("cp", "a", "s3://bench/a", "--dryrun"))
        self.fails(3, "s3", "get", "s3://bench/a")
        self.s3("put", "a", "s3://bench/t/a")
        self.assertIn("(dryrun) upload: - to s3://bench/a", self.s3("cp", "-", "s3://bench/a", "--dryrun"))
        self.fails(3, "s3", "get", "s3://bench/a")
        self.assertEqual(self.s3("cp", "s3://bench/t/a", "-", "--dryrun"),
                         "(dryrun) download: s3://bench/t/a to -\n")
        self.assertIn("(dryrun) download: s3://bench/t/a", self.s3("cp", "-r", "s3://bench/t", "down", "--dryrun"))
        self.assertFalse((self.folder / "down").exists())
        self.assertIn("(dryrun) delete: s3://bench/t/a", self.s3("rm", "-q", "--recursive", "s3://bench/t", "--dryrun")
                      + self.s3("rm", "--recursive", "s3://bench/t", "--dryrun"))
        self.s3("get", "s3://bench/t/a", "still there")

    def test_ls_and_rm(self):
        self.write("a", "123")
        for key in ("l/one", "l/sub/two", "l-other"):
            self.s3("put", "a", "s3://bench/" + key)
        out = self.s3("ls", "s3://bench/l/")
        self.assertRegex(out, r"(?m)^ {27}PRE sub/$")
        self.assertRegex(out, r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d          3 one$")
        self.assertEqual([json.loads(line)["key"] for line in self.s3("ls", "s3://bench/l/", "--recursive", "--json")
                          .splitlines()], ["l/one", "l/sub/two"])
        self.s3("rm", "--recursive", "s3://bench/l")
        self.s3("ls", "s3://bench/l/", expect=1)
        self.s3("get", "s3://bench/l-other", "kept")
        self.assertEqual(self.s3("rm", "s3://bench/l-other"), "delete: s3://bench/l-other\n")
        self.fails(3, "s3", "get", "s3://bench/l-other")

    def test_what_makes_no_sense_is_refused(self):
        self.fails(2, "s3", "cp", "a", "b")
        self.fails(9, "s3", "cp", "s3://bench/large", "s3://bench/copy")
        self.fails(2, "s3", "cp", "s3://bench/large")
        self.fails(2, "s3", "cp", "s3://bench/", "here")
        self.fails(2, "s3", "rm", "s3://bench/")
        self.fails(2, "s3", "put", "-", "s3://bench/dir/")
        self.fails(2, "s3", "put", "x", "s3://bench/x", "--metadata", "nonsense")
        self.fails(2, "s3", "get", "s3://bench/large", "x", "--sse-c-key-file", self.write("key", "short"))

    def test_a_large_file_goes_up_in_parts(self):
        self.s3("get", "s3://bench/large", "file")
        result = json.loads(self.s3("put", "file", "s3://bench/again", "--multipart-chunksize", "5MiB", "--json"))
        self.assertEqual((result["num_parts"], result["bytes"]), (2, 9 << 20))
        self.assertEqual(self.bytes_of("get", "s3://bench/again", "-"), (self.folder / "file").read_bytes())


if __name__ == "__main__":
    main()
