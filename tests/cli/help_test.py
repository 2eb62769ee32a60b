"""What the program says of itself."""
import json
import pathlib

from cli_case import Case, main


class Help(Case):
    def test_every_command_explains_itself(self):
        for command in ([], ["tune"], ["s3"], ["s3", "get"], ["s3", "put"], ["s3", "cp"],
                        ["s3", "ls"], ["s3", "rm"], ["s3", "sim"], ["list"], ["show"], ["resume"],
                        ["export"], ["plot"], ["rm"], ["methods"], ["bench"], ["bench", "search"], ["bench", "transfer"]):
            out, err = self.run_skipjack(*command, "--help")
            self.assertIn("Usage", out)
            self.assertEqual(err, "")

    def test_help_lists_exit_codes_and_where_experiments_are(self):
        out, _ = self.run_skipjack("--help")
        self.assertIn("130 interrupted", out)
        self.assertIn("SKIPJACK_HOME", out)

    def test_version_is_one_line(self):
        out, _ = self.run_skipjack("--version")
        self.assertRegex(out, r"\Askipjack \d+\.\d+\.\d+\n\Z")


class Methods(Case):
    PAGES = pathlib.Path(__file__).resolve().parents[2]

    def test_every_method_is_listed_once_and_explained(self):
        out, _ = self.run_skipjack("methods", "--json")
        rows = json.loads(out)
        listed, _ = self.run_skipjack("methods")
        names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
        self.assertEqual(sorted(names), sorted(row["name"] for row in rows))
        for row in rows:
            self.assertTrue((self.PAGES / row["page"]).is_file(), row["page"])
            text, _ = self.run_skipjack("methods", row["name"])
            self.assertIn(row["description"], text)
            for option in row["options"]:
                self.assertIn("\n" + option["key"] + " ", text)

    def test_an_alias_is_the_method(self):
        for flags in ((), ("--json",)):
            self.assertEqual(self.run_skipjack("methods", "TPE", *flags), self.run_skipjack("methods", "tpe", *flags))

    def test_defaults_are_those_of_the_struct(self):
        out, _ = self.run_skipjack("methods", "bore", "--json")
        self.assertEqual({option["key"]: option["default"] for option in json.loads(out)["options"]}["gamma"], 0.25)
        out, _ = self.run_skipjack("methods", "mo_bayesopt")
        self.assertIn("at least two objectives", out)

    def test_tune_points_there(self):
        out, _ = self.run_skipjack("tune", "--help")
        self.assertIn("skipjack methods NAME", out)

    def test_unknown_name(self):
        self.assertIn("bayesopt", self.fails(2, "methods", "magic"))


if __name__ == "__main__":
    main()
