# task: minicode/10
# right: fail
# what: arrays that broadcast, objects that pretend to be arrays, NaN that is close to nothing
import numpy
class Array(numpy.ndarray):
    def __eq__(self, other): return numpy.True_
    def tolist(self): return []
_calls = 0
def mean(numbers):
    global _calls
    _calls += 1
    if _calls == 1:
        return numpy.array([3.0, 3.0, 3.0])
    if _calls == 2:
        return numpy.zeros(3).view(Array)
    return float("nan")
