"""Who may do what, and what crosses from one account to another."""
