"""A database, the connections to it and the units of work on them: on SQLAlchemy, no CherryPy.

``cpkit.plugins.DatabasePlugin`` gives it a life on CherryPy's bus, ``cpkit.tools.db`` a unit to
each request; what needs no SQLAlchemy either is decided in ``cpkit.transactions``.
"""
