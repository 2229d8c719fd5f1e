"""Distribution strategies by name: one device, all local devices, or a TPU."""

import tensorflow as tf

from ytdnn import errors


def make(name: str) -> tf.distribute.Strategy:
    """Returns the `tf.distribute` strategy called `none`, `mirrored` or `tpu`.

    With `mirrored`, replicas are the local GPUs; without any, the logical CPUs.

    Raises:
      errors.UserError: There is no TPU to be found.
    """
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(_local_devices())
    if name == "tpu":
        return _tpu()
    return tf.distribute.get_strategy()


def _local_devices() -> list[str]:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return [device.name for device in tf.config.list_logical_devices(kind)]


def _tpu() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu="")
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, tf.errors.NotFoundError, tf.errors.InvalidArgumentError):
        raise errors.UserError(
            "expected a TPU for --config.strategy=tpu, found none: use none or mirrored"
        ) from None
    return tf.distribute.TPUStrategy(resolver)
