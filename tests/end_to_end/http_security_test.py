"""The HTTP face for others than this machine: tokens, TLS, and what does not start without them, on real processes.

Usage: http_security_test.py FOLDER_OF_BINARIES [test...]
"""
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
from broker_process import BrokerProcess  # noqa: E402
from topology_driver import LAUNCH, Topology, until  # noqa: E402

BINARIES = pathlib.Path(sys.argv[1]).resolve()
PATIENCE = 60  # seconds: far more than anything here takes
RIDE = {"customer": "cmr", "from": "Berlin", "to": "Frankfurt", "duration": 420, "distance": 600, "fare": 256.50}
LIVELY = {"status": "ok"}


def run(*command, cwd=None):
    environment = {name: value for name, value in os.environ.items() if name != "REMUDA_KEYS"}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False, env=environment,
                          stdin=subprocess.DEVNULL, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


def remuda(*arguments):
    return run(BINARIES / "remuda", *arguments)


def parameters(**given):
    """A TOML value for each: text is quoted, the rest stands as it is."""
    return [word for name, value in given.items()
            for word in ("--param", f"{name}={json.dumps(str(value)) if isinstance(value, (str, pathlib.Path)) else json.dumps(value)}")]


def start_of(node, **given):
    """Exit code and log of a node that is not to start."""
    with tempfile.TemporaryDirectory() as data:
        code, _, log = run(BINARIES / node, "--data", data, "--log-format", "json", *parameters(**given))
    return code, log


class Secured(unittest.TestCase):
    """Ride completion behind TLS, with a token for each of three clients."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="remuda-http-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.tokens_file = cls.folder / "tokens"
        # The very command that a refusal names.
        _, log = start_of("gateway", listen="0.0.0.0:0", tokens=cls.tokens_file)
        command = re.search(r"`(openssl req [^`]*)`", json.loads(log.splitlines()[0])["event"])[1].replace("HOST", "localhost")
        code, _, err = run(*command.split(), cwd=cls.folder)
        assert code == 0, err
        cls.certificate, cls.key = cls.folder / "tls.crt", cls.folder / "tls.key"
        cls.tls = ssl.create_default_context(cafile=cls.certificate)
        cls.shown = {}
        for name, role in (("depot", "node"), ("screen", "observer"), ("desk", "operator")):
            cls.token(name, role)
        written = (LAUNCH / "ride_completion_chained.toml").read_text()
        secured = written.replace('listen = "${http}"\n', f'listen = "${{http}}"\ntls_certificate = "{cls.certificate}"\n'
                                  f'tls_key = "{cls.key}"\ntokens = "{cls.tokens_file}"\n')
        assert secured != written
        cls.launch_file = cls.folder / "rides.toml"
        cls.launch_file.write_text(secured)
        cls.topology = cls.enterClassContext(Topology(BINARIES, cls.folder, f"https-{os.getpid()}", cls.launch_file))
        cls.port = int(cls.topology.http.split(":")[1])

    @classmethod
    def token(cls, name, role):
        code, out, err = remuda("keys", "token", "add", name, "--role", role, "--file", cls.tokens_file)
        assert code == 0 and len(out.splitlines()) == 1, out + err
        assert out.strip() not in err
        cls.shown[name] = out.strip()
        return cls.shown[name]

    def connection(self):
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=PATIENCE, context=self.tls)
        self.addCleanup(connection.close)
        return connection

    def ask(self, method, path, token=None, body=None, connection=None, headers=None):
        """Status, header fields and parsed body; checks what every answer has."""
        connection = connection or self.connection()
        fields = {"Content-Type": "application/json", **(headers or {})}
        if token:
            fields["Authorization"] = f"Bearer {token}"
        connection.request(method, path, json.dumps(body) if body is not None else None, fields)
        answer = connection.getresponse()
        text = answer.read()
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertIsNone(answer.headers["Access-Control-Allow-Origin"])
        if answer.status >= 400:
            self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        return answer.status, answer.headers, json.loads(text) if text.startswith(b"{") else text.decode()

    def status(self, *arguments, **named):
        return self.ask(*arguments, **named)[0]

    def sent(self):
        return {row["sent"] for row in self.topology.queues().values()}

    def test_a_ride_is_posted_and_read_over_tls(self):
        depot = self.shown["depot"]
        connection = self.connection()
        customer = secrets.token_hex(4)
        status, headers, ride = self.ask("POST", "/submit-ride-completion", depot, {**RIDE, "customer": customer}, connection)
        self.assertEqual(status, 201)
        self.assertEqual(ride["links"]["self"], headers["Location"])
        self.assertEqual(self.ask("GET", headers["Location"], depot, connection=connection)[2]["customer"], customer)
        until("accounting has booked it", PATIENCE,
              lambda: self.ask("GET", f"/customers/{customer}/account", depot, connection=connection)[2]["rides"] == 1)

    def test_a_role_decides_who_may_read_and_who_may_write(self):
        before = self.sent()
        for reader in ("screen", "desk"):
            self.assertEqual(self.status("GET", "/customers/nobody/account", self.shown[reader]), 200)
            self.assertEqual(self.status("HEAD", "/customers/nobody/account", self.shown[reader]), 200)
            status, headers, problem = self.ask("POST", "/submit-ride-completion", self.shown[reader], RIDE)
            self.assertEqual((status, headers["WWW-Authenticate"]), (403, 'Bearer error="insufficient_scope"'))
            self.assertIn("node and admin write", problem["detail"])
        self.assertEqual(self.sent(), before)

    def test_without_a_token_nothing_is_told_but_that_it_lives(self):
        for method, path, body in (("GET", "/customers/cmr/account", None), ("POST", "/submit-ride-completion", RIDE),
                                   ("GET", "/metrics", None), ("GET", "/nowhere", None), ("DELETE", "/submit-ride-completion", None),
                                   ("GET", f"/metrics?access_token={self.token('address', 'admin')}", None)):
            status, headers, problem = self.ask(method, path, body=body)
            self.assertEqual((status, headers["WWW-Authenticate"]), (401, "Bearer"), path)
            self.assertIn("Authorization: Bearer TOKEN", problem["detail"])
        self.assertEqual(self.ask("GET", "/healthz")[2], LIVELY)
        self.assertEqual(self.ask("GET", "/healthz", secrets.token_urlsafe(32))[2], LIVELY)
        self.assertIn("outstanding", self.ask("GET", "/healthz", self.shown["screen"])[2])
        self.assertIn("remuda_http_requests_total", self.ask("GET", "/metrics", self.shown["screen"])[2])

    def test_a_thousand_wrong_tries_let_nothing_through(self):
        before = self.sent()
        real = self.shown["depot"]
        connection = self.connection()
        tries = ["remuda_" + secrets.token_urlsafe(32) for _ in range(900)]
        tries += [real[:size] for size in range(1, len(real))] + [real.swapcase(), real + "x", real[::-1], "x" * 512]
        tries += [secrets.token_hex(size) for size in range(1, 1_001 - len(tries))]
        self.assertEqual(len(tries), 1_000)
        began = time.monotonic()
        for wrong in tries:
            self.assertEqual(self.status("POST", "/submit-ride-completion", wrong, RIDE, connection), 401, wrong)
        print(f"1,000 wrong tokens in {time.monotonic() - began:.2f} s", file=sys.stderr)
        self.assertEqual(self.sent(), before)
        self.assertEqual(self.status("POST", "/submit-ride-completion", real, RIDE, connection), 201)

    def test_a_revoked_token_is_out_within_five_seconds_and_a_new_one_is_in_on_the_same_connection(self):
        token = self.token("yard", "node")
        connection = self.connection()
        account = ("GET", "/customers/nobody/account")
        until("the new token is known", 5, lambda: self.status(*account, token, connection=connection) == 200)
        code, _, err = remuda("keys", "token", "revoke", "yard", "--yes", "--file", self.tokens_file)
        self.assertEqual(code, 0, err)
        began = time.monotonic()
        until("the token is refused", 5, lambda: self.status(*account, token, connection=connection) == 401)
        print(f"a revoked token was out after {time.monotonic() - began:.2f} s", file=sys.stderr)
        self.assertEqual(self.ask(*account, token)[1]["WWW-Authenticate"], 'Bearer error="invalid_token"')
        self.assertEqual(self.status(*account, self.shown["screen"], connection=connection), 200)
        code, out, _ = remuda("keys", "token", "ls", "--json", "--file", self.tokens_file)
        self.assertIn({"name": "yard", "role": "revoked"}, [json.loads(line) for line in out.splitlines()])
        self.assertNotIn(token, out)

    def test_slow_and_broken_handshakes_disturb_nobody(self):
        stalled = []
        for number in range(100):
            client = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
            self.addCleanup(client.close)
            client.sendall((b"", b"\x16", b"\x16\x03\x01\x02\x00\x01", b"\xff" * 100)[number % 4])
            stalled.append(client)
        began = time.monotonic()
        for _ in range(10):
            self.assertEqual(self.status("GET", "/customers/nobody/account", self.shown["screen"]), 200)
        took = time.monotonic() - began
        print(f"10 connections beside 100 stalled handshakes took {took:.2f} s", file=sys.stderr)
        self.assertLess(took, 4)  # whoever waited for a stalled one would wait for its five seconds
        self.assertEqual(stalled[3].recv(4096)[:1] in (b"", b"\x15"), True)  # nonsense: closed, perhaps with an alert

    def test_who_speaks_http_without_tls_is_told_so(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        self.assertEqual(answer.status, 400)
        self.assertIn("ask with https", json.load(answer)["detail"])
        connection.close()

    def test_tls_is_1_2_or_newer(self):
        for version, works in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            tls.load_verify_locations(self.certificate)
            tls.set_ciphers("DEFAULT@SECLEVEL=0")
            tls.options &= ~ssl.OP_NO_TLSv1_1
            with self.subTest(version), socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as client:
                tls.minimum_version = tls.maximum_version = version
                if works:
                    with tls.wrap_socket(client, server_hostname="localhost") as spoken:
                        self.assertEqual(spoken.version(), version.name.replace("_", "."))
                else:
                    with self.assertRaises((ssl.SSLError, OSError)):
                        tls.wrap_socket(client, server_hostname="localhost")

    def test_another_host_is_refused_on_loopback(self):
        for host in ("evil.example", "localhost.evil.example", f"evil.example:{self.port}"):
            status, _, problem = self.ask("GET", "/customers/nobody/account", self.shown["screen"], headers={"Host": host})
            self.assertEqual((status, problem["title"]), (421, "Misdirected Request"))
        for host in ("localhost", "127.0.0.1", f"[::1]:{self.port}"):
            self.assertEqual(self.status("GET", "/healthz", headers={"Host": host}), 200)

    def test_check_says_of_the_launch_file_what_the_gateway_says_of_itself(self):
        code, out, _ = remuda("check", self.launch_file, "--set", "http=0.0.0.0:8443")
        self.assertEqual(code, 0, out)
        open_file = self.folder / "open.toml"
        open_file.write_text((LAUNCH / "ride_completion_chained.toml").read_text())
        code, out, _ = remuda("check", open_file, "--set", "http=0.0.0.0:8443", "--json")
        self.assertEqual(code, 2)
        found, = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(found["code"], "T406")
        code, log = start_of("gateway", listen="0.0.0.0:8443")
        self.assertEqual(code, 2)
        self.assertIn(f"{found['text']}; {found['suggestion']}", json.loads(log.splitlines()[0])["event"])

    @classmethod
    def tearDownClass(cls):
        """When all has been said and done: no token in anything that was written, logged or shown of the processes."""
        cls.topology.down()
        logs = 0
        for path in (each for each in cls.folder.rglob("*") if each.is_file()):
            content = path.read_bytes()
            logs += "log" in path.name
            for name, token in cls.shown.items():
                assert token.encode() not in content and token.removeprefix("remuda_").encode() not in content, f"{name} in {path}"
        assert logs > 0


class Alone(unittest.TestCase):
    """What does not start, and the SQS gateway behind TLS."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="remuda-http-")))
        self.certificate, self.key = self.folder / "tls.crt", self.folder / "tls.key"

    def make_certificate(self):
        code, _, err = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
                           "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", self.certificate, "-keyout", self.key)
        self.assertEqual(code, 0, err)

    def test_beyond_this_machine_nothing_starts_without_proof_and_encryption(self):
        tokens = self.folder / "tokens"
        code, log = start_of("gateway", listen="0.0.0.0:0")
        self.assertEqual(code, 2)
        for command in ("remuda keys token add NAME", "openssl req -x509"):
            self.assertIn(command, log)
        code, log = start_of("gateway", listen="0.0.0.0:0", behind_proxy=True)
        self.assertEqual(code, 2)
        self.assertIn("remuda keys token add NAME", log)
        self.assertNotIn("openssl req", log)
        code, log = start_of("gateway", listen="0.0.0.0:0", tokens=tokens)
        self.assertEqual(code, 2)
        self.assertIn("travels in the clear", log)
        code, log = start_of("sqs_gateway", broker="ipc://@nobody", listen="0.0.0.0:0", behind_proxy=True)
        self.assertEqual(code, 2)
        self.assertIn("credentials = [{", log)

    def test_files_that_cannot_be_trusted_are_refused_with_the_command(self):
        self.make_certificate()
        tokens = self.folder / "tokens"
        secured = {"listen": "127.0.0.1:0", "tls_certificate": self.certificate, "tls_key": self.key, "tokens": tokens}
        code, log = start_of("gateway", **secured)
        self.assertEqual(code, 2)
        self.assertIn(f"remuda keys token add NAME --role node --file {tokens}", log)
        self.assertEqual(remuda("keys", "token", "add", "depot", "--role", "node", "--file", tokens)[0], 0)
        for path in (tokens, self.key):
            os.chmod(path, 0o640)
            code, log = start_of("gateway", **secured)
            self.assertEqual(code, 2)
            self.assertIn(f"{path}: others may read it; `chmod 600 {path}`", log)
            os.chmod(path, 0o600)
        tokens.write_text(tokens.read_text() + "yard nonsense node\n")
        code, log = start_of("gateway", **secured)
        self.assertEqual(code, 2)
        self.assertIn(f"{tokens}:3: the second word is no hash", log)

    def test_mistakes_with_tokens_are_told_and_change_nothing(self):
        tokens = self.folder / "tokens"
        self.assertEqual(remuda("keys", "token", "add", "depot", "--role", "node", "--file", tokens)[0], 0)
        before = tokens.read_text()
        for arguments, code, told in ((("add", "depot", "--role", "node"), 1, "has a token already"),
                                      (("add", "../depot", "--role", "node"), 2, "cannot be a name"),
                                      (("add", "yard", "--role", "root"), 2, ""),
                                      (("add", "yard"), 2, "--role"),
                                      (("revoke", "nobody", "--yes"), 1, "has no token that works"),
                                      (("revoke", "depot"), 2, "add --yes")):
            done, out, err = remuda("keys", "token", *arguments, "--file", tokens)
            self.assertEqual((done, out), (code, ""), err)
            self.assertIn(told, err)
        code, _, err = remuda("keys", "token", "ls")
        self.assertEqual(code, 2)
        self.assertIn("Name it with --file FILE", err)
        self.assertEqual(tokens.read_text(), before)

    def test_without_a_file_named_the_tokens_are_in_the_folder_of_keys_and_the_doctor_looks_at_them(self):
        keys = self.folder / "keys"
        self.assertEqual(remuda("keys", "init", "--keys", keys)[0], 0)
        environment = {**os.environ, "REMUDA_KEYS": str(keys)}

        def ask(*arguments):
            done = subprocess.run([BINARIES / "remuda", *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment)
            return done.returncode, done.stdout, done.stderr

        def doctor():
            return {one["about"]: one for one in map(json.loads, ask("doctor", "--json", "--data", str(self.folder))[1].splitlines())}

        self.assertNotIn("tokens", doctor())
        self.assertEqual(ask("keys", "token", "add", "depot", "--role", "node")[0], 0)
        self.assertIn("1 may ask", doctor()["tokens"]["what"])
        self.assertIn("depot  node", ask("keys", "token", "ls")[1])
        os.chmod(keys / "tokens", 0o644)
        self.assertEqual(doctor()["tokens"]["verdict"], "problem")
        self.assertIn("`chmod 600", doctor()["tokens"]["what"])

    def test_the_sqs_gateway_gives_https_addresses_behind_tls(self):
        self.make_certificate()
        broker = BrokerProcess(BINARIES / "remuda-broker", "[queues.rides]\n")
        self.addCleanup(broker.remove)
        broker.start()
        command = [BINARIES / "sqs_gateway", "--data", self.folder / "sqs", "--log-format", "json",
                   *parameters(broker=broker.endpoint, listen="127.0.0.1:0", tls_certificate=self.certificate, tls_key=self.key)]
        node = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.addCleanup(node.stderr.close)
        self.addCleanup(node.wait, 30)
        self.addCleanup(node.terminate)
        url = next(json.loads(line)["http"] for line in node.stderr if json.loads(line)["event"] == "listening")
        self.assertTrue(url.startswith("https://127.0.0.1:"))
        tls = ssl.create_default_context(cafile=self.certificate)
        connection = http.client.HTTPSConnection("localhost", urllib.parse.urlsplit(url).port, timeout=PATIENCE, context=tls)
        self.addCleanup(connection.close)
        connection.request("POST", "/", "Action=GetQueueUrl&QueueName=rides", {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        self.assertIn("<QueueUrl>https://localhost:", answer.read().decode())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
