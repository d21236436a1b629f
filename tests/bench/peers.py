"""What is measured and what measures: a private network, nginx as the peer, wrk as the load, CPU time of processes."""
import contextlib
import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time

from mirror import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))
CLONE_NEWNET = 0x40000000
CONGESTION = "/proc/sys/net/ipv4/tcp_congestion_control"


def own_network():
    """A network of our own with plain TCP: the machine's may pace what goes over loopback, as BBR does. Says which
    congestion control is in use; without the right to have a network that is the machine's."""
    libc = ctypes.CDLL(None, use_errno=True)
    private = libc.unshare(CLONE_NEWNET) == 0
    if private:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            request = bytearray(struct.pack("16sH22x", b"lo", 0))
            fcntl.ioctl(s, 0x8913, request)  # SIOCGIFFLAGS
            flags = struct.unpack_from("H", request, 16)[0] | 1  # IFF_UP
            struct.pack_into("H", request, 16, flags)
            fcntl.ioctl(s, 0x8914, request)  # SIOCSIFFLAGS
        with contextlib.suppress(OSError), open(CONGESTION, "w", encoding="ascii") as f:
            f.write("reno")
    with open(CONGESTION, encoding="ascii") as f:
        return f.read().strip() + (", a network of its own" if private else ", the machine's network")


def cores():
    """One for the server, one for the load."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def program(name):
    """Debian has servers where users do not look."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise SystemExit(f"{name} is missing: apt-get install {'nginx-light' if name == 'nginx' else name}")
    return path


def cpu_ns(pids, thread=None):
    """CPU time that processes (or the threads of that name in them) have used so far."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if thread:
                    with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as f:
                        if f.read().strip() != thread:
                            continue
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
                    total += int(f.read().split()[0])
    return total


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


NGINX_CONF = """
{user}
worker_processes 1;
worker_rlimit_nofile 8192;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
    open_file_cache max=1000 inactive=600s;
    open_file_cache_valid 600s;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    proxy_cache_path {dir}/cache keys_zone=bench:10m max_size=1g inactive=1h use_temp_path=off;
    proxy_cache bench;
    proxy_cache_key "$request_uri $http_accept_encoding";
    proxy_cache_valid 200 1h;
    proxy_ignore_headers Cache-Control Expires Vary;
    proxy_set_header Host 127.0.0.1:{origin};
    proxy_set_header Accept-Encoding $http_accept_encoding;
    {servers}
}}
"""
NGINX_SERVER = """
    server {{ listen 127.0.0.1:{port} backlog=1024; tcp_nopush {nopush};
              location / {{ proxy_pass http://127.0.0.1:{origin}; }} }}
"""


class Nginx:
    """nginx in front of `origin` (a port), which it asks once for each thing and then answers from its cache. Which
    setting of tcp_nopush is better depends on the size of the answers, so there is a port for each."""

    def __init__(self, directory, origin, core):
        self.dir = os.path.join(directory, "nginx")
        os.makedirs(self.dir)
        on, off = free_ports(2)
        self.ports = {"nopush": on, "no nopush": off}
        servers = "".join(NGINX_SERVER.format(port=port, origin=origin, nopush=nopush)
                          for port, nopush in ((on, "on"), (off, "off")))
        with open(f"{self.dir}/conf", "w", encoding="ascii") as f:
            f.write(NGINX_CONF.format(dir=self.dir, origin=origin, servers=servers,
                                      user="user root;" if os.geteuid() == 0 else ""))
        self.process = subprocess.Popen(["taskset", "-c", str(core), program("nginx"), "-e", f"{self.dir}/error.log",
                                         "-c", f"{self.dir}/conf", "-g", "daemon off;"])
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit("nginx does not start: " + self.errors())
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", off), 1):
                return
            time.sleep(0.01)
        raise SystemExit("nginx does not answer: " + self.errors())

    def errors(self):
        with contextlib.suppress(OSError), open(f"{self.dir}/error.log", encoding="utf-8") as f:
            return f.read()
        return "no error log"

    def pids(self):
        """The worker's; master and cache manager sleep, and the cache loader ends after a minute."""
        master = self.process.pid
        with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as f:
            children = f.read().split()
        for pid in children:
            with open(f"/proc/{pid}/cmdline", encoding="ascii") as f:
                if "worker process" in f.read():
                    return [int(pid)]
        raise SystemExit("nginx has no worker: " + self.errors())

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Bare:
    """bare.c: the HTTP library alone, giving the answer that `port` gives to that request."""

    def __init__(self, directory, port, path, headers, core):
        names = iter(headers)
        lines = "".join(f"{name}: {value}\r\n" for name, value in zip(names, names))
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{lines}\r\n"
        with socket.create_connection(("127.0.0.1", port)) as s, \
                tempfile.NamedTemporaryFile(dir=directory, prefix="answer-", delete=False) as f:
            s.sendall(request.encode())
            while piece := s.recv(65536):
                f.write(piece)
        self.process = subprocess.Popen(["taskset", "-c", str(core), f"{BUILD}/bench/bare", f.name],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline() or 0)
        if not self.port:
            raise SystemExit("bare does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Load:
    """What one run of wrk found."""

    def __init__(self, line, cpu):
        requests, duration_us, size, self.errors, self.p50_us, self.p99_us = map(int, line.split()[1:])
        self.requests = requests
        self.rps = requests / (duration_us / 1e6)
        self.bytes = size / max(requests, 1)
        self.cpu_us = cpu / 1000 / max(requests, 1)


def load(port, pids, mode, path, core, seconds=1, connections=32, headers=()):
    """Runs wrk on its core; the CPU time is that of the server's processes."""
    command = ["taskset", "-c", str(core), program("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout",
               "1s", "-s", f"{HERE}/load.lua", f"http://127.0.0.1:{port}/", "--", mode, path, *headers]
    before = cpu_ns(pids)
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    used = cpu_ns(pids) - before
    line = next((text for text in run.stdout.splitlines() if text.startswith("RESULT ")), None)
    if run.returncode or not line:
        raise SystemExit(f"wrk: {run.stdout}{run.stderr}")
    return Load(line, used)
