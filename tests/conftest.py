"""Settings that every test shares."""

import os

from hypothesis import settings

# Processes that run side by side share the cores. Were each to take them all, as PyTorch does by
# default, threads would wait for each other most of the time.
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if workers > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

# The same inputs in every run: a red test is red for everybody.
settings.register_profile("book", derandomize=True, deadline=None, database=None)
settings.load_profile("book")
