"""The orders of one leg: which goes out next, what becomes of it, and when a leg is done. Pure, as all of the engine."""
