"""Networks without hidden layers under L2: their error has one minimum, which is found and not approached."""
