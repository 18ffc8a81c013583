"""Delta's wire: its rows and messages as structs, and how they become values."""
