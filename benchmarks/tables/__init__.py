"""Default against default on many small tables: ours, linear models, a grid search, RealMLP and CatBoost."""
