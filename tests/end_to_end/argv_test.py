"""What a launch file says reaches a node as it is written: no shell reads it, whatever it looks like.

Usage: argv_test.py FOLDER_OF_BINARIES [test...]
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import tomllib
import unittest

BINARIES = pathlib.Path(sys.argv[1]).resolve()
PATIENCE = 60
HOSTILE = {
    "substitution": "$(touch pwned) `touch pwned` $HOME ${HOME%%x}",
    "separators": "; touch pwned & touch pwned | touch pwned && touch pwned > pwned",
    "dash": "-rf",
    "long_dash": "--help",
    "end_of_options": "--",
    "newline": "first\nsecond; touch pwned\n",
    "blank": " \t leading and trailing \t ",
    "empty": "",
    "quotes": "'\"\\'\\\" ' \" \\",
    "climbing": "../../../../etc/passwd",
    "joker": "* ? [a-z] ~ {a,b} !!",
    "bytes": "\u00fcn\u00efc\u00f6de \U0001f40e \x01\x7f",
}
# A node in Python, so that any shell in the trace would be ours. It writes what it got, and waits.
NODE = """#!/usr/bin/python3 -IS
import json, os, signal, sys
if "--describe" in sys.argv[1:2]:
    print(json.dumps({"name": "node", "version": "1", "summary": "", "ports": [], "open_request_ports": False,
                      "parameters": [{"name": name, "type": "text", "default": "", "summary": ""} for name in %s]}))
    sys.exit(0)
folder = os.path.dirname(os.path.abspath(__file__))
for file, words in (("argv", sys.argv[1:]), ("environ", ["=".join(pair) for pair in os.environ.items()])):
    with open(os.path.join(folder, file + ".new"), "wb") as out:
        out.write(b"\\0".join(map(os.fsencode, words)))
    os.rename(os.path.join(folder, file + ".new"), os.path.join(folder, file))
print("both are written", flush=True)
signal.sigwait({signal.SIGTERM})
"""


def toml(text):
    """Basic TOML text with every special character escaped; `${` begins a reference and is doubled."""
    return '"' + "".join(c if c.isalnum() else f"\\U{ord(c):08x}" for c in text.replace("${", "$${")) + '"'


class Argv(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="remuda-argv-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.odd = self.folder / "bin; touch pwned $(id) 'dir' -x"
        self.odd.mkdir()
        (self.folder / "run").mkdir(mode=0o700)
        (self.folder / "launch").mkdir()
        node = self.odd / "-node `id`"
        node.write_text(NODE % repr(list(HOSTILE)))
        node.chmod(0o755)
        self.file = self.folder / "launch" / "-odd; name.toml"
        self.file.write_text("\n".join([
            'schema = 1', f'name = "argv-{os.getpid()}"', '[nodes.node]', f"exec = {toml('../' + self.odd.name + '/' + node.name)}",
            "params = { " + ", ".join(f"{name} = {toml(value)}" for name, value in HOSTILE.items()) + " }",
            "env = { " + ", ".join(f"X_{name} = {toml(value)}" for name, value in HOSTILE.items() if "\0" not in value) + " }", ""]))
        self.trace = self.folder / "trace"

    def run_traced(self):
        """`remuda up` under strace until the node has said what it got."""
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(self.folder / "run")}
        command = [BINARIES / "remuda", "up", "--data", str(self.folder / "data"), "--", str(self.file)]
        strace = ["strace", "-f", "-qq", "-s", "4096", "-e", "trace=execve,execveat", "-o", str(self.trace)]
        run = subprocess.Popen([*strace, *command], cwd=self.folder / "launch", env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines, written = [], threading.Event()

        def follow():
            for line in run.stdout:
                lines.append(line)
                if "both are written" in line:
                    written.set()
            written.set()
        reader = threading.Thread(target=follow)
        reader.start()
        try:
            written.wait(PATIENCE)
            self.assertTrue((self.odd / "environ").exists(), "the node did not start:\n" + "".join(lines))
        finally:
            run.send_signal(signal.SIGINT)
            if run.poll() is None:
                children = pathlib.Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
                for child in children:
                    os.kill(int(child), signal.SIGINT)
            run.wait(timeout=PATIENCE)
            reader.join()
            run.stdout.close()

    def test_every_word_arrives_byte_by_byte_and_no_shell_is_started(self):
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed; scripts/setup installs it")
        if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("strace may not trace here (ptrace is forbidden)")
        self.run_traced()
        words = (self.odd / "argv").read_bytes().decode().split("\0")
        params = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--param")
        self.assertEqual({name: tomllib.loads("v = " + text)["v"] if text[:1] in "\"'" else text for name, text in params.items()},
                         HOSTILE)
        environment = dict(pair.split("=", 1) for pair in (self.odd / "environ").read_bytes().decode().split("\0"))
        self.assertEqual({name[2:]: value for name, value in environment.items() if name.startswith("X_")}, HOSTILE)

        started = re.findall(r'execve(?:at)?\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)"', self.trace.read_text())
        self.assertIn(str(self.odd / "-node `id`"), started)
        names = {os.path.basename(path) for path in started}
        self.assertEqual(names - {"remuda", "-node `id`"}, set())
        self.assertEqual([str(path) for path in self.folder.rglob("pwned*")], [])
        print(f"{len(HOSTILE)} parameters, {len(started)} programs started: {sorted(names)}", file=sys.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
