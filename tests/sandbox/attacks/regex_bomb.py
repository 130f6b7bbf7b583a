# task: minicode/0
# right: fail
# what: catastrophic backtracking, in C, where a Python signal handler waits
import re
def sum_of_two(a, b):
    re.match(r"(a+)+$", "a" * 40 + "b")
    return a + b
