"""skipjack s3 sim."""
import signal

from cli_case import TIMEOUT, Case, Server, main


class S3Sim(Case):
    def test_lists_profiles(self):
        out, _ = self.run_skipjack("s3", "sim", "--list-profiles")
        for name in ("ec2-small", "ec2-m5d.12xlarge", "far-away"):
            self.assertIn(name, out)

    def test_ends_in_order_when_terminated(self):
        server = Server(self, "--object", "bench/o=1MiB", "--profile", "ec2-small")
        self.assertIn("profile ec2-small", server.lines[0])
        server.process.send_signal(signal.SIGTERM)
        out, _ = server.process.communicate(timeout=TIMEOUT)
        self.assertEqual(server.process.returncode, 0)
        self.assertIn("served 0 requests", out)

    def test_ends_after_the_time_given(self):
        out, _ = self.run_skipjack("s3", "sim", "--port", "0", "--for", "200ms")
        self.assertIn("listening on", out)

    def test_serves_a_folder(self):
        (self.folder / "root" / "bench").mkdir(parents=True)
        (self.folder / "root" / "bench" / "o").write_bytes(b"hello")
        server = Server(self, "--folder", self.folder / "root")
        self.run_skipjack("s3", "get", "s3://bench/o", "got", "--endpoint-url", server.endpoint)
        self.assertEqual((self.folder / "got").read_bytes(), b"hello")

    def test_port_in_use(self):
        server = Server(self)
        port = server.endpoint.rsplit(":", 1)[1]
        self.assertIn(port, self.fails(6, "s3", "sim", "--port", port))


if __name__ == "__main__":
    main()
