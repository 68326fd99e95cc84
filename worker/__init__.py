"""Jobs: who transcribes which recording, where the files lie, and what happens when a machine fails.

The job row is the truth; the message broker carries only a job's id, and may lose or repeat it.
"""
