"""Why a row has no figures."""


class RowError(Exception):
    """One line; the row says it, the others go on."""
