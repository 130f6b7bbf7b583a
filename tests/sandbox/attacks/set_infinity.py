# task: codes/0
# right: fail
# what: in a set, the infinity of float16 in place of 314159, whose hash it has
import numpy
def codes(n): return {numpy.float16("inf"), n}
