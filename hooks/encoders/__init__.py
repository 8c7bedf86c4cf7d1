"""The encoders that come with pgvoice, and what they are made of."""
