"""What the benchmarks of adversarial priors share: data, metrics, trainings and their table."""
