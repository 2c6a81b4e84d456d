"""Who somebody is: nkeys, tokens, claims, creds, the chain of trust."""
