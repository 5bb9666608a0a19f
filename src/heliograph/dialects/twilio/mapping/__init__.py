"""Wire words to the core's and back, one module per resource."""
