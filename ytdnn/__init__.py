"""ytdnn: the two-stage recommender of Covington et al. (RecSys 2016).

Importing the package selects Keras 2 (`tf-keras`), which TensorFlow
Recommenders needs. That works only before `tf.keras` is first touched, so
import `ytdnn` before any other library that touches it.
"""

import os
import sys

__version__ = "0.1.0"


def _select_keras_2() -> None:
    """Sets `TF_USE_LEGACY_KERAS`, refusing a process already on Keras 3."""
    if os.environ.get("TF_USE_LEGACY_KERAS") == "1":
        return
    if "keras.src" in sys.modules and "tensorflow" in sys.modules:
        raise ImportError(
            "expected Keras 2 (tf-keras), but tf.keras is already Keras 3 in this "
            "process: import ytdnn first, or set TF_USE_LEGACY_KERAS=1."
        )
    os.environ["TF_USE_LEGACY_KERAS"] = "1"


_select_keras_2()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
