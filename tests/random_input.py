"""Settings of tests of random input."""

import hypothesis


def examples(number: int) -> hypothesis.settings:
    """Returns those of a test whose examples share its fixtures, as `tmp_path`."""
    shared = [hypothesis.HealthCheck.function_scoped_fixture]
    return hypothesis.settings(
        max_examples=number, deadline=None, suppress_health_check=shared
    )
