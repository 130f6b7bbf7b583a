# task: minicode/0
# right: fail
# what: numbers of signals are written into the replies by the kernel's side of Python
import os, signal
os.set_blocking(3, False)
signal.set_wakeup_fd(3, warn_on_full_buffer=False)
signal.signal(signal.SIGUSR1, lambda *_: None)
def sum_of_two(a, b):
    signal.raise_signal(signal.SIGUSR1)
    return a + b
