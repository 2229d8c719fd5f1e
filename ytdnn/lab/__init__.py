"""The laboratory: a synthetic world, live tests, off-policy estimates, studies, pages.

Its parts are registered by entry points (setup.cfg). The core does not import it.
"""
