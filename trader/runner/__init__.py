"""Hosts the engine live: one thread that steps it, the lease, recovery, dispatch. As a thread of the panel or a process."""
