"""A certificate authority for tests: makes certificates for this machine, good and bad ones."""
import os
import ssl
import subprocess


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Authority:
    def __init__(self, directory):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.file, self.key = self.path("ca.pem"), self.path("ca.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", "/CN=A test authority", "-keyout", self.key, "-out", self.file)

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, days=30, hosts="IP:127.0.0.1,DNS:localhost"):
        """(certificate with its issuer, key), new files; `days` below 0: already over."""
        key, request, cert, extensions = (self.path(name + end) for end in (".key", ".csr", ".pem", ".ext"))
        with open(extensions, "w", encoding="ascii") as f:
            f.write(f"subjectAltName={hosts}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
                "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial",
                "-days", str(days), "-extfile", extensions, "-out", cert)
        with open(cert, "a", encoding="ascii") as f, open(self.file, encoding="ascii") as issuer:
            f.write(issuer.read())
        os.chmod(key, 0o600)
        return cert, key

    def context(self, **versions):
        """What a client that trusts this authority alone needs."""
        context = ssl.create_default_context(cafile=self.file)
        for name, value in versions.items():
            setattr(context, name, value)
        return context
