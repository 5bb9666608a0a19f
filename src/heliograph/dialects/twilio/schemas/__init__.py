"""The wire's bodies, one module per resource."""
