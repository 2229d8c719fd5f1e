"""Shows measurements to people: in the terminal, on a page, in TensorBoard.

`terminal` prints the tables of a report, `compared` those of a comparison, `studied`
those of a study, and `files` writes a report's page and TensorBoard scalars; `plots`
draws SVG and `page` joins sections of plots and tables into one self-contained HTML
file. Neither depends on evaluation, so other pages are made with them too.
"""
