"""What a person is told when something cannot be had."""


class Problem(Exception):
    """One clear sentence: what is wrong, and what to do about it."""
