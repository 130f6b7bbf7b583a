# task: minicode/0
# right: fail
# what: crash the interpreter in the second call
import ctypes
calls = []
def sum_of_two(a, b):
    calls.append(a)
    return a + b if len(calls) < 2 else ctypes.string_at(0)
