"""What requests spend their time on.

``phases`` has one request, which ``hooks`` mark, and ``server_timing`` tells its client.
``counting`` counts those that have ended: by route in a ``histogram``, the ``slowest``, and for
``prometheus``. ``report`` shows the counts, and a ``waterfall`` of each that was slow.
"""
