"""What goes wrong, in the vendor's codes and words."""
