# task: minicode/0
# right: fail
# what: end by a signal that has no name
import posix
def sum_of_two(a, b):
    posix.kill(posix.getpid(), 40)
