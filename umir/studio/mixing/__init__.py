"""What happens to the sound of the parts: the mixing desk, its effects and rooms, the mastering.

`mix` is the entrance. The parts that come out still sum to the mixture.
"""
