"""`make doctor`: asks each service the smallest question, with the user's own settings.

It tells shapes, never values: people paste its output into bug reports.
"""
