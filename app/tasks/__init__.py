"""The tasks of one user: what they are, how they are kept, and how HTTP reaches them."""
