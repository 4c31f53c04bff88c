"""Separation: songs into stems as a stream, the published separators, and what trains them.

`stream` separates whole songs with any model; `separator_model` is what a model directory of a
published network becomes. A training reads what `folders` finds, learns by a recipe of `recipes`
(`training`), with critics (`prior_training`) or a detector beside it (`joint_training`), and ends
in `trained_separator`. The programs are `umir.separate` and `umir.separate_train`.
"""
