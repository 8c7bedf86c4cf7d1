"""The steps of `gpu.py`: what is checked and measured on a card, and on a CPU by the tests."""
