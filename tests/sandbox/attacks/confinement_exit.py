# task: minicode/0
# right: fail
# what: end with the code of a process that could not be confined
import os
def sum_of_two(a, b):
    os._exit(97)
