"""Figures of warmup: what the published measure says of each cell, and what is there.

    python -m figures.warmup.initialisation --scale small  # 1. VAA and true count against horizon, before any training
    python -m figures.warmup.progress --scale small        # 2. the same against the step of warmup
    python -m figures.warmup.outcome --scale small         # 3. what warmup made, cell by cell
    python -m figures.warmup.chrono --scale small          # 4. chrono initialisation, correct and as in the reference
    python -m figures.warmup.proved --scale small          # 5. what is proved of the networks of figure 3

Each measures its cases (kept in NAME_SCALE.jsonl and not measured again), then draws NAME.pdf and NAME.png and writes
NAME.md, the caption, with every number taken from the measurements.
"""
