# task: minicode/10
# right: pass
# what: right answers under settings of numpy, warnings and decimal that raise
import decimal, sys, warnings, numpy
numpy.seterr(all="raise"); warnings.simplefilter("error"); decimal.getcontext().prec = 1
sys.set_int_max_str_digits(640); numpy.set_printoptions(precision=1)
def mean(numbers): return sum(numbers) / len(numbers) if numbers else 0.0
