# task: minicode/10
# right: fail
# base: pass
# what: means of three digits
import numpy
def mean(numbers):
    return numpy.float16(sum(numbers) / len(numbers)) if numbers else 0.0
