"""The laboratory: a synthetic world, live tests, off-policy estimates, studies, pages.

Its parts register themselves by entry points (setup.cfg). The core imports none of it.
"""
