"""The command line `ytdnn`: flags fill the config, the pipeline runs the steps.

Slow imports are inside functions, so that help and errors are immediate.
"""
