"""The regularization strength of neural networks: exact, visible and automatic."""
