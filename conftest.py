"""What every test and every notebook shares: the surroundings, and Hypothesis's profile."""

import os

import surroundings
from hypothesis import settings

# Processes that run side by side share the cores. Were each to take them all, as PyTorch does by
# default, threads would wait for each other most of the time.
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
settled = surroundings.own(os.environ, threads=max(1, (os.cpu_count() or 1) // workers))
for name in os.environ.keys() - settled.keys():
    del os.environ[name]
os.environ.update(settled)

# The same inputs in every run: a red test is red for everybody.
settings.register_profile("book", derandomize=True, deadline=None, database=None)
settings.load_profile("book")
