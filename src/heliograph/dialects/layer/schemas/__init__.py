"""Layer's bodies, in Layer's spelling."""
