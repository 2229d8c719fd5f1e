"""What of a model outlives it in the process."""

import gc

from tensorflow.python.framework import func_graph


def num_graphs() -> int:
    """Returns how many graphs of functions are still held by anything."""
    gc.collect()
    return sum(isinstance(each, func_graph.FuncGraph) for each in gc.get_objects())
