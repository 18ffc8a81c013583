"""Known defects of trading bots, each as a patch of the real program: a green test suite is evidence only if it turns red
on them. `python -m tests.mutants` tries them all; `docs/mutants.md` is the table."""
