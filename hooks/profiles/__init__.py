"""Files of people: exports between stores, and profiles and source lists of other pipelines."""
