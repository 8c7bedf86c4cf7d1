"""The encoders that come with pgvoice, and the parts they share."""
