# SPDX-License-Identifier: Apache-2.0
"""The report, from a JSON file alone; and that docs/'s own report is what its JSON gives."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import fixture
from suite import markdown, options, record
from suite.processes import BenchError

try:
    from suite import plots
except ImportError:
    plots = None  # python3-matplotlib comes with bench/run.sh
DOCS = fixture.SOURCE / "docs"


class Report(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="tp-bench-test-")
        self.addCleanup(directory.cleanup)
        self.file = pathlib.Path(directory.name) / "run.json"
        self.record = fixture.make()
        record.write(self.file, self.record)

    def text(self):
        return markdown.report(record.read(self.file), {}, self.file)

    def test_figures_and_verdicts_are_in_it(self):
        text = self.text()
        self.assertIn("| ChannelData to the peer ÷ coturn | ≥ 15× | 30.00 | 30.00 | 30.00 | 3 | **met** |", text)
        self.assertIn("| UDP ChannelData to the peer ÷ coturn | ≥ 2× | 1.50 | 1.50 | 1.50 | 3 | **missed** |", text)
        self.assertIn("not measured (turnpike-load has UDP clients only)", text)
        self.assertIn("| to the peer | 3,000 (2,700–3,300) |", text)
        memory = "1,000 (1,000–1,000) | 500 (500–500) | 1,500 (1,500–1,500)"
        self.assertIn(f"| idle allocation | turnpike-native | {memory} |", text)
        self.assertIn("| kill -9 and start | 0 (0–0) | 0 (0–0) | 60,000 (60,000–60,000) |", text)

    def test_the_same_json_gives_the_same_text(self):
        self.assertEqual(self.text(), self.text())

    def test_a_changed_figure_changes_it(self):
        before = self.text()
        self.record["measurements"][0]["result"]["delivered_pps"] *= 2
        record.write(self.file, self.record)
        self.assertNotEqual(self.text(), before)

    def test_failures_and_interruptions_are_told(self):
        self.record["complete"] = False
        self.record["measurements"][0] = {**self.record["measurements"][0], "error": "turnpiked did not get ready\nlog"}
        record.write(self.file, self.record)
        self.assertIn("interrupted", self.text())
        self.assertIn("| turnpike-native | 1 | turnpiked did not get ready |", self.text())

    def test_a_file_of_something_else_is_refused(self):
        for content, expected in (("{", "expected the JSON"), ("{}", "no format"), ("[]", "no format"),
                                  ('{"format": 1}', "no started")):
            with self.subTest(content=content):
                self.file.write_text(content)
                with self.assertRaisesRegex(BenchError, expected):
                    record.read(self.file)

    def test_another_format_is_refused(self):
        record.write(self.file, {**self.record, "format": record.FORMAT + 1})
        with self.assertRaisesRegex(BenchError, "format 2, this program reads 1"):
            record.read(self.file)

    @unittest.skipUnless(plots, "python3-matplotlib is not installed")
    def test_every_scenario_has_a_picture_and_it_is_reproducible(self):
        first = plots.draw(self.record, self.file.parent / "first")
        second = plots.draw(self.record, self.file.parent / "second")
        self.assertEqual(set(first), {"goals", *(scenario["name"] for scenario in self.record["scenarios"])})
        for name, path in first.items():
            self.assertEqual(path.read_bytes(), second[name].read_bytes(), name)
            self.assertIn(b"<svg", path.read_bytes())

    @unittest.skipUnless(plots, "python3-matplotlib is not installed")
    def test_a_record_of_little_has_pictures_too(self):
        little = fixture.make(rounds=1, names=["restart"])
        self.assertEqual(set(plots.draw(little, self.file.parent / "little")), {"restart"})


class Committed(unittest.TestCase):
    def test_docs_report_is_what_its_json_gives(self):
        text_file, data_file = DOCS / "PERFORMANCE-REPORT.md", DOCS / "PERFORMANCE-REPORT.json"
        if not data_file.exists():
            self.skipTest("no report is committed")
        committed = text_file.read_text(encoding="utf-8")
        data = record.read(data_file)
        shown = re.findall(r"\]\((PERFORMANCE-REPORT/([\w-]+)\.svg)\)", committed)
        self.assertTrue(shown, "it has no pictures")
        self.assertEqual(markdown.report(data, {name: path for path, name in shown}, data_file), committed)


class CommandLine(unittest.TestCase):
    def run_suite(self, *words, uid=None):
        environment = {**os.environ, "PYTHONPATH": str(fixture.SOURCE / "bench")}
        return subprocess.run(["python3", "-B", "-m", "suite", *words], env=environment, capture_output=True, text=True,
                              user=uid, cwd=fixture.SOURCE / "bench", timeout=60, check=False)

    def test_unknown_names_are_refused_with_those_that_there_are(self):
        done = self.run_suite("--scenarios", "speed")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "no such name: speed; there are channel-to-peer,")

    def test_two_hosts_options_belong_together(self):
        with self.assertRaisesRegex(BenchError, "--peer-address"):
            options.parse(["--relay-host", "192.0.2.1"])
        with self.assertRaisesRegex(BenchError, "--relay-host"):
            options.parse(["--start", "ssh relay"])
        with self.assertRaisesRegex(BenchError, "memory: only with generator and relay on one host"):
            options.parse(["--relay-host", "192.0.2.1", "--peer-address", "192.0.2.2", "--scenarios", "memory"])

    def test_programs_that_are_not_built_are_named(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        done = self.run_suite("--bin", "/nonexistent", "--no-install")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"not there: /nonexistent/turnpike-load.*\n.*cmake --preset release")

    def test_who_is_not_root_is_told(self):
        if os.geteuid() == 0:
            done = self.run_suite("--no-install", uid=65534)
            if "Permission denied" in done.stderr or "No module named" in done.stderr:
                self.skipTest("this checkout is closed to others")
        else:
            done = self.run_suite("--no-install")
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs root", done.stderr)


if __name__ == "__main__":
    unittest.main()
