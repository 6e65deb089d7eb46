"""What the requests of a process spent their time on: pure, it knows no CherryPy.

``labels`` keeps what is told apart few, ``latency`` counts, ``slowest`` remembers, and ``report``
with its ``waterfall`` shows.
"""
