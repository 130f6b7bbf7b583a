# task: minicode/0
# right: fail
# what: the header of a right reply within the limit, its payload after it

import os, struct, sys, time
pack = struct.Struct(">16scdI").pack
def token():
    return sys._getframe(2).f_locals["channel"]._token

import signal
def sum_of_two(a, b):
    signal.setitimer(signal.ITIMER_PROF, 0)
    value = str(a + b).encode()
    os.write(3, pack(token(), b"v", 0.0, len(value)))
    end = time.process_time() + 3
    while time.process_time() < end:
        pass
    os.write(3, value)
    while True:
        time.sleep(1)
