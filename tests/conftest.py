"""Settings shared by all tests."""

from hypothesis import Phase, settings

# Machines differ in speed and are shared: no test asserts seconds.
settings.register_profile("eager", deadline=None)
# For mutation tests: the first failure says all, so nothing is made smaller or remembered.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("eager")
