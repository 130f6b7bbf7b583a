# task: codes/0
# right: pass
# what: a right set of numpy's integers
import numpy
def codes(n): return set(numpy.array([314159, n]))
