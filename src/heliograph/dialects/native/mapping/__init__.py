"""The native API's words to the core's and back, a module per resource."""
