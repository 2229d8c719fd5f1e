import pytest

from tests import planted


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return planted.prepared_data(tmp_path_factory.mktemp("planted"))
