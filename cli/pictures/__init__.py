"""Pictures of answers and figures, by matplotlib; arrays in, a file out."""
