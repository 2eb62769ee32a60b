"""skipjack bench, on tables small enough to know the answer."""
import json
import pathlib

from cli_case import Case, main


class Bench(Case):
    TABLE = "tiny 2 6\n3 0 2 1\n0 0 1 1\n0 1 2 2 4\n1 0 1 5\n1 1 1 6\n2 0 1 7\n2 1 1 9\n"

    def bench(self, *args, expect=0):
        return self.run_skipjack("bench", "search", *args, expect=expect)

    def table(self, name="tiny", text=None):
        return self.write(name + ".txt", text or self.TABLE.replace("tiny", name))

    def test_used_up_table_has_regret_zero(self):
        out, _ = self.bench("--table", self.table(), "--method", "random", "sobol", "--seeds", 3, "--evals", 6,
                            "--json", "out.json")
        for line in out.splitlines()[1:3]:
            self.assertEqual(line.split()[2], "0.0000")
        report = json.loads((self.folder / "out.json").read_text())
        self.assertEqual(report["problems"]["tiny"]["random"]["regret_6"], [0.0, 0.0, 0.0])
        self.assertEqual(report["settings"]["evaluations"], 6)
        self.assertEqual(report["comparisons"]["sobol"]["over_problems"]["p_smaller"], 1.0)

    def test_same_seeds_give_the_same_figures_whatever_the_jobs(self):
        def regrets(jobs):
            self.bench("--function", "bbob:f1,f8-f9", "--dimension", "2,3", "--noise", "none,severe", "--method",
                       "random", "--evals", 12, "--seeds", 2, "--workers", 3, "--jobs", jobs, "--json", "out.json")
            problems = json.loads((self.folder / "out.json").read_text())["problems"]
            return {name: methods["random"]["regret_12"] for name, methods in problems.items()}
        one = regrets(1)
        self.assertEqual(len(one), 12)
        self.assertIn("bbob_f9_d3_gauss_severe", one)
        self.assertEqual(one, regrets(2))

    def test_tables_of_times_are_measured_in_seconds(self):
        out, _ = self.bench("--table", self.table("kt_tiny"), "--method", "random", "--seeds", 1, "--evals", 6)
        row = out.splitlines()[1].split()
        self.assertLess(abs(float(row[-3]) - 0.030), 0.0021)  # 1 + (2 or 4) + 5 + 6 + 7 + 9 ms
        self.assertEqual(row[-1], "100%")
        out, _ = self.bench("--table", self.table(), "--time-unit", "1s", "--method", "random", "--seeds", 1,
                            "--evals", 6)
        self.assertLess(abs(float(out.splitlines()[1].split()[-3]) - 30), 2.1)

    def test_capped_runs_take_less_time(self):
        # 1 ms or 100 ms: what is slow is stopped near 1.2 ms once the fast one is known.
        rows = "".join(f"{i} 1 {1 if i == 0 else 100}\n" for i in range(12))
        table = self.table("kt_two", "kt_two 1 12\n12 0\n" + rows)
        def seconds(*flags):
            out, _ = self.bench("--table", table, "--method", "random", "--seeds", 4, "--evals", 12, *flags)
            return float(out.splitlines()[1].split()[-3])
        self.assertLess(seconds("--cap"), 0.9 * seconds())

    def test_options_of_one_method_and_of_all(self):
        out, _ = self.bench("--table", self.table(), "--method", "random", "random:allow_duplicates=true", "grid",
                            "--method-option", "shuffle_config=false", "--seeds", 1, "--evals", 20)
        again = {line.split()[1]: float(line.split()[-6]) for line in out.splitlines()[1:4]}
        self.assertEqual(again["random"], 0)
        self.assertEqual(again["random:allow_duplicates=true"], 14)

    CURVES = str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "data" / "curves" / "lcbench_7593.gz")

    def test_learning_curves_are_searched_over_time(self):
        out, _ = self.bench("--curves", self.CURVES, "--gaps", "forest", "--method", "asha", "random", "--seeds", 2,
                            "--evals", 10, "--workers", 2, "--stop-delay", "1s", "--failures", "0.5", "--start", "midpoint",
                            "--json", "out.json")
        header = out.splitlines()[0].split()
        self.assertEqual(header[2:8], ["t=10%", "t=25%", "t=50%", "t=75%", "t=100%", "anytime"])
        stopped, _, failed = map(float, out.splitlines()[1].split()[11:14])
        self.assertGreater(stopped, 10)
        self.assertGreater(failed, 0)
        report = json.loads((self.folder / "out.json").read_text())
        self.assertEqual([method["start"] for method in report["settings"]["methods"]], ["midpoint", "midpoint"])
        problem = report["problems"]["curves_7593"]
        self.assertEqual([len(moments) for moments in problem["asha"]["moments"]], [20, 20])
        self.assertAlmostEqual(sum(problem["random"]["moments"][0]) / 20, problem["random"]["anytime_regret"][0])

    def test_problems_with_and_without_levels_do_not_mix(self):
        self.assertIn("measured by different things",
                      self.fails(2, "bench", "search", "--curves", self.CURVES, "--table", self.table()))
        self.assertIn("looks at levels", self.fails(2, "bench", "search", "--table", self.table(), "--method", "asha"))

    def test_what_is_wrong_is_named(self):
        table = self.table()
        self.assertIn("--table", self.fails(2, "bench", "search"))
        self.assertIn("no such", self.fails(3, "bench", "search", "--table", "no such"))
        self.assertIn("row 1", self.fails(8, "bench", "search", "--table", self.table("bad", "bad 1 2\n2 0\n0 1 1\n")))
        self.assertIn("f25", self.fails(2, "bench", "search", "--function", "bbob:f25"))
        self.assertIn("nosuch", self.fails(2, "bench", "search", "--table", table, "--method", "nosuch"))
        self.assertIn("'wat'", self.fails(2, "bench", "search", "--table", table, "--method-option", "wat=1"))
        self.assertIn("twice", self.fails(2, "bench", "search", "--table", table, table))
        self.assertIn("--time-unit", self.fails(2, "bench", "search", "--table", table, "--time-unit", "0s"))


class BenchTransfer(Case):
    SURROGATE = str(pathlib.Path(__file__).resolve().parents[2] / "bench" / "data" / "lcbench" / "surrogate.gz")

    def test_says_what_warm_starts_gain(self):
        out, _ = self.run_skipjack("bench", "transfer", self.SURROGATE, "--cases", "1", "--seeds", "1", "--evals", "20",
                                   "--source-evals", "10", "--sources", "1,negated", "--json", "out.json")
        self.assertIn("evaluations to cold's regret after 20", out)
        self.assertIn("negated_lcbench", out)
        cases = json.loads((self.folder / "out.json").read_text())
        self.assertEqual(list(cases), ["1", "negated"])
        case, = cases["1"].values()
        self.assertEqual([len(curve) for curve in case["warm"]], [20])

    def test_refusals(self):
        self.assertIn("--sources = 'many'", self.fails(2, "bench", "transfer", self.SURROGATE, "--sources", "many"))
        self.assertIn("num_sources = 17", self.fails(2, "bench", "transfer", self.SURROGATE, "--sources", "17"))
        self.assertIn("num_seeds = 0", self.fails(2, "bench", "transfer", self.SURROGATE, "--seeds", "0"))


if __name__ == "__main__":
    main()
