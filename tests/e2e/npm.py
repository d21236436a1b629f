"""Installs what a folder's package-lock.json says, below build/, once for each lock file."""

import hashlib
import os
import shutil
import subprocess

import pytest

from mirror import TOP


def install(folder, name):
    """The node_modules folder. Skips the test when there is nothing to install from, except where CI is set."""
    target = os.path.join(TOP, "build", name)
    with open(os.path.join(folder, "package-lock.json"), "rb") as f:
        wanted = hashlib.sha256(f.read()).hexdigest()
    stamp = os.path.join(target, "installed")
    modules = os.path.join(target, "node_modules")
    if os.path.exists(stamp):
        with open(stamp, encoding="ascii") as f:
            if f.read() == wanted:
                return modules
    os.makedirs(target, exist_ok=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(folder, file), target)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=target,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        reason = f"npm ci: {done.stderr[-500:]}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with open(stamp, "w", encoding="ascii") as f:
        f.write(wanted)
    return modules
