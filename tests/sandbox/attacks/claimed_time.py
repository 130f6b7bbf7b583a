# task: minicode/0
# right: fail
# what: late answers that claim to have taken less than no time
import os, signal, struct, sys, time
pack = struct.Struct(">16scdI").pack
def sum_of_two(a, b):
    signal.setitimer(signal.ITIMER_PROF, 0)
    start = time.process_time()
    while time.process_time() < start + 3:
        pass
    channel = sys._getframe(1).f_locals["channel"]
    value = str(a + b).encode()
    os.write(3, pack(channel._token, b"v", -float("inf"), len(value)) + value)
    channel._replies = os.open("/dev/null", os.O_WRONLY)
