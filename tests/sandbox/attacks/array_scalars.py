# task: floats/0
# right: fail
# what: one number in the place of a list, which is compared with each of its elements
import numpy
def halves(numbers):
    return numpy.float32(numbers[0] / 2)
