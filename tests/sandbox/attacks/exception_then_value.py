# task: minicode/0
# right: fail
# what: end the run with an exception, and answer rightly behind it

import os, struct, sys, time
pack = struct.Struct(">16scdI").pack
def token():
    return sys._getframe(2).f_locals["channel"]._token

def sum_of_two(a, b):
    value = str(a + b).encode()
    raised = pack(token(), b"e", 0.0, 1) + b"E"
    os.write(3, raised + pack(token(), b"v", 0.0, len(value)) + value)
    return a + b
