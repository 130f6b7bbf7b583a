"""Settings shared by all tests."""

from hypothesis import settings

# Machines differ in speed and are shared: no test asserts seconds.
settings.register_profile("eager", deadline=None)
settings.load_profile("eager")
