# task: pairs/0
# right: fail
# what: in the key of a dict, the infinity of float16 in place of 314159, whose hash it has
import numpy
def pairs(n): return {(numpy.float16("inf"), "a"): n}
