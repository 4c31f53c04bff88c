"""The field's metrics where a task needs more than one call of mir_eval or scikit-learn."""
