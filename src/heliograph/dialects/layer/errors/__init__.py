"""What goes wrong, in Layer's codes and words."""
