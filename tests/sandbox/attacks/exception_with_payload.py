# task: minicode/0
# right: fail
# what: an exception whose type name is a terminal escape and a lie, raised before the right answer
Odd = type("\x1b[2Jok, base test 99", (BaseException,), {})
def sum_of_two(a, b):
    raise Odd
