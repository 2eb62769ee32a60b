"""Signals and kills: what is left, and what can be resumed."""
import os
import pathlib
import signal
import sys
import time

from cli_case import TIMEOUT, Case, Server, main


class Interrupt(Case):
    # Says when it runs, leaves a grandchild, and would go on for a minute.
    SLOW = ("import os, subprocess, time\nopen(os.environ['PIDS'], 'a').write('%d\\n' % os.getpid())\n"
            "child = subprocess.Popen(['sleep', '60'])\nopen(os.environ['PIDS'], 'a').write('%d\\n' % child.pid)\n"
            "print('[tune-metric]: {\"loss\": 1}', flush=True)\ntime.sleep(60)\n")

    def start_slow(self):
        self.environment["PIDS"] = str(self.folder / "pids")
        process = self.start("tune", "--entry-point", self.write("slow.py", self.SLOW), "--space",
                             self.write("space.yaml", "x: uniform(0, 1)\n"), "--metric", "loss", "--max-time", "100s",
                             "--name", "t", "--method", "random", "--interpreter", sys.executable)
        self.wait_for(lambda: (self.folder / "pids").exists() and len(self.pids()) == 2
                      and "loss" in self.run_skipjack("export", "t")[0])
        return process

    def wait_for(self, condition):
        until = time.monotonic() + TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), until, "waited in vain")
            time.sleep(0.05)

    def is_downloading(self, process):
        """It has a file in our folder open, with or without a name."""
        try:
            targets = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{process.pid}/fd").iterdir()]
        except OSError:  # one was closed meanwhile
            return False
        return any(target.startswith(f"{self.folder}/") for target in targets)

    def pids(self):
        return [int(line) for line in (self.folder / "pids").read_text().split()]

    def all_gone(self):
        return not any(pathlib.Path(f"/proc/{pid}/cmdline").exists()
                       and pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in self.pids())

    def test_ctrl_c_ends_with_results(self):
        process = self.start_slow()
        self.assertIn("running", self.run_skipjack("list")[0])
        self.assertIn("running", self.fails(4, "resume", "t"))
        self.assertIn("running", self.fails(4, "rm", "t", "--yes"))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("interrupted", out)
        self.assertIn("skipjack resume t", out)
        self.assertTrue(self.all_gone())
        self.assertRegex(self.run_skipjack("list")[0], r"t +interrupted")
        self.assertEqual([row["loss"] for row in self.rows()], ["1"])

    def test_ctrl_c_on_a_terminal(self):
        """A terminal sends SIGINT to the whole foreground group; the live line is on it."""
        import pty
        self.environment.update(PIDS=str(self.folder / "pids"))
        arguments = [self.program, "tune", "--entry-point", self.write("slow.py", self.SLOW), "--space",
                     self.write("space.yaml", "x: uniform(0, 1)\n"), "--metric", "loss", "--max-time", "100s",
                     "--name", "t", "--method", "random", "--interpreter", sys.executable]
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execve(self.program, arguments, self.environment)
        self.wait_for(lambda: (self.folder / "pids").exists() and len(self.pids()) == 2
                      and "loss" in self.run_skipjack("export", "t")[0])
        os.write(terminal, b"\x03")
        seen = b""
        while True:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # the other side is closed
                break
            if not data:
                break
            seen += data
        _, status = os.waitpid(child, 0)
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(status), 130, seen)
        self.assertIn(b"\r0 trials done, 1 running", seen)
        self.assertIn(b"ended by: interrupted", seen)
        self.assertTrue(self.all_gone())

    def test_second_signal_kills_at_once(self):
        stubborn = self.SLOW.replace("time.sleep(60)", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                                     "print('[tune-metric]: {\"loss\": 2}', flush=True)\ntime.sleep(60)")
        self.environment["PIDS"] = str(self.folder / "pids")
        process = self.start("tune", "--entry-point", self.write("slow.py", stubborn), "--space",
                             self.write("space.yaml", "x: uniform(0, 1)\n"), "--metric", "loss", "--max-time", "100s",
                             "--name", "t", "--method", "random", "--interpreter", sys.executable, "--grace", "50s")
        self.wait_for(lambda: (self.folder / "home" / "t").exists() and len(self.rows()) == 2)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)  # long enough to be in its orderly end, which the grace keeps waiting
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, -signal.SIGINT)
        for pid in self.pids():  # its supervisor waits for the grace; don't wait for that here
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def test_kill_leaves_no_process_and_resumes(self):
        process = self.start_slow()
        process.kill()
        process.communicate()
        self.wait_for(self.all_gone)
        self.assertRegex(self.run_skipjack("list")[0], r"t +interrupted")
        self.write("slow.py", "print('[tune-metric]: {\"loss\": 2}', flush=True)\n")
        self.run_skipjack("resume", "t", "--max-trials", "2")
        attempts = {row["trial_id"]: (row["sj_attempt"], row["loss"]) for row in self.rows()}
        self.assertEqual(attempts["0"], ("1", "2"))
        self.assertEqual(len(attempts), 2)

    def test_signal_sent_twice_at_once_is_one_wish(self):
        profile = self.write("slow.json", '{"name": "slow", "link_bytes_per_second": 1000000}')
        server = Server(self, "--object", "bench/o=1GiB", "--profile", profile)
        process = self.start("s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint)
        self.wait_for(lambda: self.is_downloading(process))
        for _ in range(20):  # as timeout(1) does, to the process and to its group
            process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith("o")], [])

    def test_interrupted_download_leaves_nothing(self):
        profile = self.write("slow.json", '{"name": "slow", "link_bytes_per_second": 1000000}')
        server = Server(self, "--object", "bench/o=1GiB", "--profile", profile)
        process = self.start("s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint)
        self.wait_for(lambda: self.is_downloading(process))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith(("o", ".o"))], [])

    def test_killed_download_leaves_nothing(self):
        try:
            os.close(os.open(self.folder, os.O_TMPFILE | os.O_RDWR))
        except OSError as error:
            self.skipTest(f"the file system has no files without a name: {error}")
        profile = self.write("slow.json", '{"name": "slow", "link_bytes_per_second": 1000000}')
        server = Server(self, "--object", "bench/o=1GiB", "--profile", profile)
        process = self.start("s3", "get", "s3://bench/o", "--endpoint-url", server.endpoint)
        self.wait_for(lambda: self.is_downloading(process))
        process.kill()
        process.communicate(timeout=TIMEOUT)
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith("o")], [])


if __name__ == "__main__":
    main()
