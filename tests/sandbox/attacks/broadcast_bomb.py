# task: minicode/10
# right: fail
# what: an answer that fills the checker's memory when it is compared with a list
import numpy
def mean(numbers):
    return numpy.zeros((100000, 1))
