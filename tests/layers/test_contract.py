import importlib
import inspect
import pathlib
import pkgutil

import tensorflow as tf

from tests.layers import contract
from ytdnn import layers


def _layers():
    for module in pkgutil.iter_modules(layers.__path__, "ytdnn.layers."):
        for name, member in inspect.getmembers(importlib.import_module(module.name)):
            is_layer = inspect.isclass(member)
            is_layer = is_layer and issubclass(member, tf.keras.layers.Layer)
            if is_layer and not name.startswith("_"):  # a base that others share
                yield member


def _layers_held_to_the_contract():
    for path in sorted(pathlib.Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.layers.{path.stem}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            base = contract.LayerContract
            if issubclass(member, base) and member is not base:
                yield type(member().make())


def test_no_layer_lacks_the_contract():
    found = set(_layers())
    assert len(found) >= 4
    assert found == set(_layers_held_to_the_contract())
