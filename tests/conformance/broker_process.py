"""Starts a real broker for a test: a temporary data folder, an endpoint of its own, and kill -9 when the story asks for it."""

import json
import os
import shutil
import signal
import subprocess
import tempfile


class BrokerProcess:
    def __init__(self, executable, definitions=None, options=(), wrapper=()):
        """`wrapper`: a command that runs the broker, such as a fault injector that becomes it by exec."""
        self.executable, self.options, self.wrapper = executable, list(options), list(wrapper)
        self.folder = tempfile.mkdtemp(prefix="remuda-conformance-")
        self.endpoint = f"ipc://{self.folder}/broker"
        self.process = None
        if definitions is not None:
            path = os.path.join(self.folder, "definitions.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(definitions)
            self.options += ["--definitions", path]

    def start(self):
        """Returns once the broker says that it is ready."""
        command = [*self.wrapper, self.executable, "--name", "conformance", "--listen", self.endpoint, "--data", os.path.join(self.folder, "data"),
                   "--log-format", "json", *self.options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if json.loads(line).get("event") == "ready":
                return self
        raise RuntimeError("the broker did not start:\n" + "".join(lines))

    @property
    def pid(self):
        """Of the broker itself, which may be a child of its wrapper."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            found = children.read().split()
        return int(found[0]) if self.wrapper and found else self.process.pid

    def kill(self):
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stderr.close()

    def restart_after_kill(self):
        self.kill()
        return self.start()

    def stop(self):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.stderr.read()
        code = self.process.wait(timeout=10)
        self.process.stderr.close()
        return code

    def wait(self):
        """The exit code of a broker that ends by itself."""
        self.process.stderr.read()
        code = self.process.wait(timeout=10)
        self.process.stderr.close()
        return code

    def end(self):
        """kill -9 if it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def remove(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)
