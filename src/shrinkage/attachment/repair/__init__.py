"""What would be lost otherwise: decay still owed, the lost part of every weight, Adam's second moment."""
