"""The comparison of starts that docs/experiments.md describes (`benchmarks/adaptation.py`).

From the bottom: `starts` says what is compared, `materials` on what, `bodies` trains the starts,
`runs` adapts and scores once, `pieces` puts all runs in order, `statistics` and `reading` say what
they mean, `pictures` draws them.
"""
