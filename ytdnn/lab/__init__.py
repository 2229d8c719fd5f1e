"""The laboratory: a synthetic world, live tests, off-policy estimates, studies, pages.

Its parts are named in `ytdnn/base/registries.py`. The core does not import it.
"""
