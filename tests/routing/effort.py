"""What a call takes, told without a clock on the wall."""

import sys
import time

ATTEMPTS = 12


def milliseconds(call):
    """Return how much CPU time of this thread *call* takes."""
    before = time.thread_time_ns()
    call()
    return (time.thread_time_ns() - before) / 1e6


def loops(call, text, enough):
    """Return how many loops over the characters of *text* take as long as *call*.

    Both are timed in turns, and the shortest times count; a busy machine makes both longer. It
    ends when *call* has been found to take no more than *enough* loops.
    """
    called = looped = float("inf")
    for _ in range(ATTEMPTS):
        called = min(called, milliseconds(call))
        looped = min(looped, milliseconds(lambda: [None for _ in text]))
        if called <= enough * looped:
            break
    return called / looped


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
