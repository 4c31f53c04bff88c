"""Meta-training: from songs to one body that many tasks share.

`plan` holds its settings, `training_songs` what it hears; `phases` runs the multi-task `warm_up`,
then an algorithm of `algorithms` on episodes. `report` says what the body is worth on held-out
songs. The program is `umir.meta_train`.
"""
