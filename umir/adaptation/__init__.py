"""Adaptation of a network to one task: its start, its head, its rate and steps, its decoder.

`start` is what it begins from, `head_initialisation` makes the head, `network_fitting` takes the
steps, `rate_search` tries rates, and `decoder_fitting` ends it. `umir.fine_tuning` joins them for a
folder of labelled audio, as `umir finetune` does.
"""
