# task: minicode/1
# right: fail
# what: scalars of numpy that have no number in them, or more digits than there is a form for
import numpy
calls = []
def double(x):
    calls.append(x)
    return [
        numpy.timedelta64(2 * x), numpy.longdouble(2 * x), numpy.array(2 * x, dtype=object),
        numpy.str_(2 * x), numpy.datetime64("NaT"), numpy.void(8),
    ][len(calls) % 6]
