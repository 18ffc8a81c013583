"""What breaks around the real runner: its streams, its disk, its clock, its database, its own life."""
