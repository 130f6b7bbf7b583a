# task: minicode/0
# right: fail
# what: stop the process by SIGSTOP, so that it neither answers nor ends
import posix, signal
def sum_of_two(a, b):
    posix.kill(posix.getpid(), signal.SIGSTOP)
    return a + b
