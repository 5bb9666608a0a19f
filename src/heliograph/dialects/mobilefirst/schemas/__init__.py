"""The vendor's bodies and queries, in the vendor's spelling."""
