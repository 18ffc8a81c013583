"""Everything that decides, as a pure function: ``step(state, event) -> (state, effects)``.

No clock, no thread, no I/O, no randomness: time arrives in events. Durable state changes only through records
(`trader.engine.records`), which the shell commits before it performs the other effects; folding the same records gives the
same state.
"""
