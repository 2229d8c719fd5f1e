"""HTML pages and TensorBoard scalars.

`plots` draws SVG by Matplotlib, and `page` joins sections of plots and tables into one
self-contained HTML file. Neither depends on evaluation, so other pages are made with
them too.
"""
