"""Settings that every test shares."""

from hypothesis import settings

# The same inputs in every run: a red test is red for everybody.
settings.register_profile("book", derandomize=True, deadline=None, database=None)
settings.load_profile("book")
