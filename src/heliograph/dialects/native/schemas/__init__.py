"""Bodies, queries and answers of the native API, a module per resource."""
