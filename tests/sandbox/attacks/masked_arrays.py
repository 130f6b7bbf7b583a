# task: floats/0
# right: fail
# what: masked, structured and object arrays, of which nothing is compared
import numpy
calls = []
def halves(numbers):
    calls.append(numbers)
    return [
        numpy.ma.masked_all(len(numbers)), [numpy.ma.masked] * len(numbers),
        numpy.zeros(len(numbers), dtype=[]), numpy.array([], dtype=object),
    ][len(calls) % 4]
