"""A SavedModel in a session answers as the library's does, until it is closed."""

import numpy as np
import pytest

from tests import untrained
from ytdnn.bundle import batches, tf_sessions


@pytest.mark.thorough
def test_a_session_answers_as_the_library_does(untrained_run: untrained.Run) -> None:
    bundle = untrained_run.bundle
    name = "recommender_exact"
    session = tf_sessions.Session(bundle.path(name), ())
    for user in ("u1", "u3"):
        request = {"watched_video_ids": ["video 1", user], "k": 5}
        given = batches.inputs([request] * 2, bundle.inputs(name))
        found = session.signature("serving_default")(given)
        expected = bundle.run(name, given)
        assert set(found) == set(expected)
        np.testing.assert_array_equal(found["ids"], expected["ids"].numpy())
        np.testing.assert_allclose(
            found["scores"], expected["scores"].numpy(), rtol=1e-5
        )
    run = session.signature("serving_default")
    session.close()
    with pytest.raises(RuntimeError, match="closed"):
        run(given)
