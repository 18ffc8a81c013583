"""The watchdog: a process beside the runner that tells a person what happened, and when the runner, its prices or the disk fail
while something is open. It trades nothing and decides nothing."""
