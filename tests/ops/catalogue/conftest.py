"""The runs of tests/bundle."""

from tests.bundle.conftest import content_run, plain_run, run, serving_process

__all__ = ["content_run", "plain_run", "run", "serving_process"]
