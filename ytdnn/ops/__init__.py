"""Operations: the HTTP service, Spark, clusters, refits, refreshes, catalogue changes.

Its parts register themselves by entry points (setup.cfg). The core imports none of it.
"""
