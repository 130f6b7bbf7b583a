# task: minicode/0
# right: fail
# what: answer the second call with the token of the first

import os, struct, sys, time
pack = struct.Struct(">16scdI").pack
def token():
    return sys._getframe(2).f_locals["channel"]._token

first = []
def sum_of_two(a, b):
    first.append(token())
    if len(first) > 1:
        value = str(a + b).encode()
        os.write(3, pack(first[0], b"v", 0.0, len(value)) + value)
        time.sleep(1)
    return a + b
