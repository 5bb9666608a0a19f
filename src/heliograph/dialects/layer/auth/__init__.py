"""Layer's credentials -> principal."""
