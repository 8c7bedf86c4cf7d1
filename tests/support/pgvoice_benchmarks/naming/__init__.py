"""Who gets whose name: galleries drawn at random, and everybody's speech identified."""
