"""Tables: kinds of columns, and drawing them in a width."""
