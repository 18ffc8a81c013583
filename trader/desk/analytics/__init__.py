"""The part of the desk that tells what finished runs have made, and why."""
