"""For programs whose base URL cannot be changed: a proxy that speaks TLS in the name of Google's hosts, with a
certificate of the tests' own authority, and asks the mirror. It is found by HTTPS_PROXY."""

import http.client
import http.server
import ssl
import threading

HOSTS = ("www.googleapis.com", "oauth2.googleapis.com")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self):
        if self.path.split(":")[0] not in HOSTS:
            self.send_error(403)
            return
        self.send_response_only(200)
        self.end_headers()
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {**self.headers, "X-Forwarded-Proto": "https", "Connection": "close"}
        mirror = http.client.HTTPConnection("127.0.0.1", self.server.mirror_port)
        mirror.request(self.command, self.path, body or None, headers)
        answer = mirror.getresponse()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name != "Connection":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.read())
        mirror.close()

    do_GET = do_POST = forward

    def log_message(self, *args):
        pass


class Front(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, authority, mirror_port):
        super().__init__(("127.0.0.1", 0), Handler)
        self.mirror_port = mirror_port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*authority.issue("google", hosts=",".join("DNS:" + host for host in HOSTS)))
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.shutdown()
        self.thread.join()
        self.server_close()
