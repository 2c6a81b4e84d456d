"""The configuration file: text with positions to checked options."""
