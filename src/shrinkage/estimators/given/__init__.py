"""What `fit` is given beside X and y, or in another form, as the path takes it."""
