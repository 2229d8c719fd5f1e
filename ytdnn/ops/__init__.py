"""Operations: the HTTP service, Spark, clusters, refits, refreshes, catalogue changes.

Its parts are named in `ytdnn/base/registries.py`. The core does not import it.
"""
