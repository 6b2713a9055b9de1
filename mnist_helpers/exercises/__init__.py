"""Instant feedback on the exercise sheets: ``check("softmax_rows", softmax_rows)``.

It runs wherever the notebook runs: no server, nothing more to install. Each module ``sheet_NN`` holds the tasks of one
sheet; how a task is judged is written in ``_tasks``.
"""

from mnist_helpers.exercises._tasks import check, find_task, verdict

__all__ = ["check", "find_task", "verdict"]
