"""Installs what a folder's package-lock.json says, below build/, once for each lock file."""

import hashlib
import os
import shutil
import subprocess
import time

import pytest

from mirror import TOP


def run(target):
    """"", or why it failed. A connection that stalls is given up, and another one is tried."""
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--prefer-offline",
               "--fetch-timeout=30000", "--fetch-retries=4", "--fetch-retry-mintimeout=1000"]
    try:
        done = subprocess.run(command, cwd=target, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240,
                              check=False)
    except subprocess.TimeoutExpired:
        return "it took more than four minutes"
    return done.stderr[-500:] or "failed" if done.returncode else ""


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
    for pause_s in (5, 20, None):
        trouble = run(target)
        if not trouble:
            break
        if pause_s is None or not os.environ.get("CI"):
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"npm ci: {trouble}")
        time.sleep(pause_s)  # a registry that was away for a moment; what came before is in the cache
    with open(stamp, "w", encoding="ascii") as f:
        f.write(wanted)
    return modules
