"""What finished runs have made, and why: pure functions of what the journal tells. The formulas stand in docs/analytics.md."""
