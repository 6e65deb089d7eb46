"""What a call takes, told without a clock on the wall."""

import sys
import time


def milliseconds(call):
    """Return how much CPU time of this thread *call* takes."""
    before = time.thread_time_ns()
    call()
    return (time.thread_time_ns() - before) / 1e6


def calls_in(call):
    """Return how many Python functions *call* calls, the garbage collector's apart."""
    return min(_calls_in(call) for _ in range(3))


def _calls_in(call):
    count = []
    sys.setprofile(lambda frame, event, argument: count.append(event) if event == "call" else None)
    try:
        call()
    finally:
        sys.setprofile(None)
    return len(count)
