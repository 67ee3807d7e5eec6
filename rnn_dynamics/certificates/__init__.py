"""Proofs of what was found: existence, uniqueness, stability and reach, each a theorem or a row that says why not."""
