"""Operations: the HTTP service, Spark, clusters, refits, refreshes, catalogue changes.

Its parts are registered by entry points (setup.cfg). The core does not import it.
"""
