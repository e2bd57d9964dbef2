"""Training on crops of real and synthetic lesions."""
