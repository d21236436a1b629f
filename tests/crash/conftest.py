"""Makes the helpers of the end-to-end tests importable here; the build is the one with crash points."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
os.environ.setdefault("CALMIRROR_BUILD", "build/test")
