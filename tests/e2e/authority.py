"""A certificate authority for tests: makes certificates for this machine, good and bad ones."""
import os
import ssl
import subprocess
from datetime import datetime, timedelta, timezone

CONFIG = """[ca]
default_ca = here
[here]
database = {0}/issued
new_certs_dir = {0}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = names
[names]
commonName = supplied
"""


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Authority:
    def __init__(self, directory):
        self.directory = str(directory)
        os.makedirs(self.directory, exist_ok=True)
        self.file, self.key = self.path("ca.pem"), self.path("ca.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-addext", "keyUsage=critical,keyCertSign", "-subj", "/CN=A test authority", "-keyout", self.key,
                "-out", self.file)
        self.config = self.path("ca.conf")
        with open(self.config, "w", encoding="ascii") as f:
            f.write(CONFIG.format(self.directory))
        with open(self.path("issued"), "w", encoding="ascii"):
            pass

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, days=30, hosts="IP:127.0.0.1,DNS:localhost"):
        """(certificate with its issuer, key), new files; `days` below 0: already over."""
        key, request, cert, extensions = (self.path(name + end) for end in (".key", ".csr", ".pem", ".ext"))
        with open(extensions, "w", encoding="ascii") as f:
            # Python 3.13 wants all that RFC 5280 asks of an authority and of what it issues.
            f.write(f"subjectAltName={hosts}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
                "-keyout", key, "-out", request)
        end = datetime.now(timezone.utc) + timedelta(days)  # nothing may end before it begins
        begin, end = (f"{t:%Y%m%d%H%M%SZ}" for t in (end - timedelta(abs(days)), end))
        openssl("ca", "-batch", "-notext", "-config", self.config, "-cert", self.file, "-keyfile", self.key,
                "-in", request, "-startdate", begin, "-enddate", end, "-extfile", extensions, "-out", cert)
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
