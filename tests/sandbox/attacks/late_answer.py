# task: minicode/0
# right: fail
# what: disarm the alarm, take three times the limit, and then answer rightly
import signal, time
def sum_of_two(a, b):
    signal.setitimer(signal.ITIMER_REAL, 0)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        pass
    return a + b
