"""Decide about transactions: when to commit, to retry, to wait; no framework, no driver."""

from __future__ import annotations

from ._addresses import mask_password
from ._backoff import backoff
from ._faults import Fault, fault_of
from ._outcome import should_commit
from ._statements import is_write
from ._turns import Turns

__all__ = [
    "Fault",
    "Turns",
    "backoff",
    "fault_of",
    "is_write",
    "mask_password",
    "should_commit",
]
