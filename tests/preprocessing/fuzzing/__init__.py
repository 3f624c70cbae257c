"""Inputs that are damaged, odd or lie, and an oracle that knows what they must become without the code under test."""
