"""What keeps the host from starting."""


class Refused(Exception):
    """The app or its settings are such that the real host would not run it either."""
