"""Whether a request's transaction is committed."""

from __future__ import annotations

from collections.abc import Collection


def should_commit(
    status: int | None,
    *,
    failed: bool = False,
    doomed: bool = False,
    commit_on: Collection[int | str] = (),
) -> bool:
    """Tell whether the answer *status* means that the work is to be kept.

    An unanticipated exception (*failed*) and a doomed unit never commit, nor does a missing
    status. Any status below 400 commits; of the others those in *commit_on*, which holds codes
    (``409``) and classes of them (``"4xx"``).
    """
    if failed or doomed or status is None:
        return False
    return status < 400 or status in commit_on or f"{status // 100}xx" in commit_on
