"""The command line `ytdnn`: flags fill the config, the pipeline runs the steps.

The only package with flags. Slow imports are made where they are used, so that help and
errors are immediate.
"""
