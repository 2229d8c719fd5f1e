import numpy as np
import pytest

from tests import full_log
from ytdnn.log import prepared


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> prepared.PreparedData:
    """A log with searches, and some watched videos without an embedding."""
    log = full_log.tables()
    rare = log["watches"]["video_id"].is_in(["v0", "v1", "v2"])
    is_early = np.arange(len(rare)) < 0.7 * len(rare)
    log["watches"] = log["watches"].filter(~(rare.to_numpy() & is_early))
    found = full_log.prepared_data(
        tmp_path_factory.mktemp("full"), log, vocabulary="train"
    )
    assert (found.watches.videos > found.vocabulary_size).any()
    return found
