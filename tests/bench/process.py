"""Servers that are measured: started, asked whether they answer, and what /proc says of them."""
import json
import os
import pathlib
import random
import resource
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
import dnswire  # noqa: E402  (the path comes first)
import memory  # noqa: E402

TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
START_S = 600       # a peer reads a million rules; on a busy machine
POLL_S = 0.02


def free_port():
    while True:
        port = random.SystemRandom().randrange(10000, 30000)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as sock:
                    sock.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


def allow_descriptors():
    """As many as this user may have: a forwarder uses a socket for each question that is on its way."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def ask(port, name, wait_s=2.0):
    """(rcode, addresses) of an A question over UDP, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(wait_s)
        try:
            sock.connect(("127.0.0.1", port))
            sock.send(dnswire.question(name, 1, 4711, opt=dnswire.opt_record()))
            message = dnswire.Message(sock.recv(4096))
        except (OSError, ValueError, IndexError):
            return None
    return message.rcode, [text for section, _, rtype, _, _, text in message.records if (section, rtype) == (1, 1)]


class Server:
    """A process that answers on a port of 127.0.0.1."""

    def __init__(self, bench, name, command, port, ready="localhost", address=None):
        """It is ready when it answers this name, with this address if one is said."""
        self.bench, self.name, self.port = bench, name, port
        self.command = command
        self.kept_kib = None  # resident when it was stopped
        self.window = 64  # questions on their way, of each of eight sockets
        self.log = open(bench.work / f"{name}.log", "wb")
        bench.servers.append(self)
        self.start(ready, address)

    def start(self, ready, address):
        began = time.monotonic()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        while not self.is_ready(ready, address):
            if self.process.poll() is not None or time.monotonic() - began > START_S:
                sys.stdout.write((self.bench.work / f"{self.name}.log").read_text(errors="replace")[-3000:])
                raise RuntimeError(f"{self.name} does not answer")
            time.sleep(POLL_S)
        self.start_s = time.monotonic() - began

    def start_again(self):
        self.process.terminate()
        self.process.wait(60)
        self.start("localhost", None)

    def is_ready(self, name, address):
        found = ask(self.port, name, 1.0)
        return found is not None and (address is None or found == (0, [address]))

    def address(self):
        return f"127.0.0.1@{self.port}"

    @staticmethod
    def ticks(stat):
        fields = pathlib.Path(stat).read_text().rsplit(") ", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def used_us(self):
        """User and system time of the process, threads that have ended included."""
        return self.ticks(f"/proc/{self.process.pid}/stat") * TICK_US

    def writers_us(self):
        """Of it, that of the threads that write events and the audit log."""
        used = 0
        for thread in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            if (thread / "comm").read_text().strip() in ("events", "audit-disk"):
                used += self.ticks(thread / "stat") * TICK_US
        return used

    def memory_kib(self):
        """RssAnon, RssShmem, RssFile, VmRSS."""
        return memory.status_kib(self.process.pid)

    def resident_mib(self):
        """Now, or when it was stopped."""
        return (self.kept_kib or self.memory_kib()["VmRSS"]) / 1024

    def counters(self):
        return None

    def stop(self):
        if self.process.poll() is None:
            self.kept_kib = self.memory_kib()["VmRSS"]
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        if self in self.bench.servers:
            self.bench.servers.remove(self)


class Cordond(Server):
    """lists: of the folder. options: workers, queries (the query log), upstream as upstreams.servers has it, ca, lines
    (of JSON, beside the audit log)."""

    def __init__(self, bench, name, folder, lists, upstream, **options):
        own = bench.work / name
        own.mkdir()
        port = free_port()
        self.queries = options.get("queries", False)
        keys = folder / "keys"
        names = ["list-a", "list-b"] if bench.work in folder.parents or folder == bench.work else ["list-a", "list-b", "list-c"]
        ca = f"  tls-ca: {options['ca']}\n" if "ca" in options else ""
        (own / "cordond.yaml").write_text(
            f"server:\n  listen: [127.0.0.1@{port}]\n  workers: {options.get('workers', 1)}\n"
            f"upstreams:\n  servers: [{upstream}]\n{ca}"
            f"lists:\n  directory: {folder}\n  use:\n" + "".join(f"    {one}: enforce\n" for one in lists) +
            f"trust:\n  keys: [{', '.join(str(keys / (one + '.pub')) for one in names)}]\n  threshold: 2\n"
            f"events:\n  to: {f'{own}/events.jsonl' if options.get('lines', False) else 'none'}\n  keep: 1\n"
            f"audit:\n  queries: {'on' if self.queries else 'off'}\n"
            f"control:\n  socket: {own}/run/control.sock\nstate:\n  directory: {own}/state\n")
        (own / "run").mkdir()
        self.socket = own / "run/control.sock"
        super().__init__(bench, name, [bench.build / "cordond", "-c", own / "cordond.yaml"], port)

    def status(self):
        for _ in range(20):
            # Exit status 1 only says that something needs attention.
            out = subprocess.run([self.bench.build / "cordon", "status", "--json", "--socket", self.socket],
                                 stdout=subprocess.PIPE).stdout
            status = json.loads(out)
            if status["workers_reported"] == status["workers"]:
                break
            time.sleep(0.2)
        return status

    def counters(self):
        status = self.status()
        found = dict(status["questions"])
        found.pop("answered", None)
        found["events_lost"] = status["events"]["lost_ring"] + status["events"]["lost_output"]
        found["audit_lost"] = status["audit"]["decisions"]["lost"] + status["audit"]["queries"]["lost"]
        return found

    def wait_until_read(self):
        """Until the texts of its lists are read: their images are in force before."""
        while any(one["text"] != "verified" for one in self.status()["lists"]):
            time.sleep(0.1)

    def own_kib(self):
        """RssAnon + RssShmem without the cache and the image, and those two."""
        return memory.own_kib(self.process.pid, self.status()["cache"]["size"])
