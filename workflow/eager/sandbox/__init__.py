"""Evaluation of model-written code that the code cannot forge.

The process that runs a solution gets the solution and the inputs only, and sends its outputs back
as plain data; the expected outputs stay outside the container, and so does the comparison.
"""
