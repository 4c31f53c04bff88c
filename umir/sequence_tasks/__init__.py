"""Sequence modelling: predict the next symbol from those before, in music, text and audio.

The tasks of Stoller et al. 2020, "Seq-U-Net: a one-dimensional causal U-Net for efficient sequence
modelling" (arXiv:1911.06393), and of the TCN paper that it compares itself with. A task is a frozen
object of sizes (`umir.sequence_tasks.task`), its data an object that cuts batches
(`umir.sequence_tasks.batches`), both of them the same few verbs whatever the sequence is made of:

| task | predicts | scored by |
|---|---|---|
| `music` | which of 88 keys sound in the next frame | nats per frame |
| `copy` | digits that were shown long ago | nats, accuracy |
| `characters` | the next character | bits per character |
| `words` | the next word | perplexity |
| `audio` | the next sample of mu-law audio | bits per sample |
"""
