"""The planted log, where a file has no set of its own."""

import pytest

from tests import planted
from ytdnn.log import prepared


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))
