"""SMPP 3.4, as a client of an SMS centre."""
