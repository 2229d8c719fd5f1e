"""The command line `ytdnn`: flags fill the config, the pipeline runs the steps.

The only package with flags. What takes long to import is imported where it is used, so
that help and errors come at once.
"""
