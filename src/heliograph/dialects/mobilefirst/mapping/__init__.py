"""The vendor's words to the core's and back; nothing here reads or writes."""
