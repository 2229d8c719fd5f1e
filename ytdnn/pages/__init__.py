"""What was measured, shown to people: in the terminal, on a page, in TensorBoard.

`terminal` prints the tables of a report, `compared` those of a comparison, `studied`
those of a study, and `files` writes a report's page and TensorBoard scalars; `plots`
draws SVG and `page` joins sections of plots and tables into one HTML file that needs
nothing else; both know nothing of evaluation, so other pages are made with them too.
"""
