"""Confidential clients, their tokens, and what a scope lets them do."""
