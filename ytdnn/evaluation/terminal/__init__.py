"""Tables of reports, comparisons and prepared sets in the terminal.

`terminal` prints the tables of a report, `compared` those of a comparison, and `files`
writes a report with its registered files, such as a page.
"""
