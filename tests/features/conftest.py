import functools
import pathlib

import pytest

from tests import full_log
from tests.features import contract
from ytdnn.log import prepared


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    """A log with every column, some videos without an embedding."""
    directory: pathlib.Path = tmp_path_factory.mktemp("full")
    return full_log.prepared_data(directory, full_log.tables())


@pytest.fixture(scope="session")
def data_without_windows(
    tmp_path_factory: pytest.TempPathFactory,
) -> prepared.PreparedData:
    """The same log, its last watches held out user by user."""
    directory: pathlib.Path = tmp_path_factory.mktemp("full_without_windows")
    log = full_log.tables()
    return full_log.prepared_data(directory, log, protocol="leave_one_out")


@pytest.fixture(scope="session")
def log_without(tmp_path_factory: pytest.TempPathFactory) -> contract.LogWithout:
    """Prepares the log without a column, once for all features that read it."""

    @functools.cache
    def prepare(column: str) -> prepared.PreparedData | None:
        return contract.without(column, tmp_path_factory.mktemp("without"))

    return prepare
