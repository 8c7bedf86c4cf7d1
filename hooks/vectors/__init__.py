"""Files of vectors that other engines computed, and exports of stored ones."""
