# task: minicode/0
# right: fail
# base: pass
# what: answer with the infinity of float16, which equals what is beyond it
import numpy
def sum_of_two(a, b):
    return numpy.float16("inf") if abs(a) > 70000 else a + b
