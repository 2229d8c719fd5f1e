"""A report shown to people: in the terminal, on a page, in TensorBoard.

`terminal` prints tables; `plots` draws SVG and `page` joins sections of plots and
tables into one HTML file that needs nothing else; both know nothing of evaluation, so
other pages are made with them too.
"""
