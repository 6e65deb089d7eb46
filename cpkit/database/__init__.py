"""A database, the connections to it and the units of work on them, by SQLAlchemy.

``cpkit.plugins.DatabasePlugin`` gives it a life on CherryPy's bus, and ``cpkit.tools.db`` a unit to
each request: ``requests``, ``error_pages``, ``replica`` and ``retry`` alone know CherryPy.
``terms``, ``turns``, ``faults`` and ``statements`` need no SQLAlchemy either.
"""
