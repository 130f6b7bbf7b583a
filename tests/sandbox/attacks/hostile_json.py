# task: minicode/0
# right: fail
# what: replies that are deep, duplicate, non-finite, colliding, misnamed or not UTF-8
import os
def send(payload):
    os.write(3, b"v" + len(payload).to_bytes(4, "big") + payload)
def sum_of_two(a, b):
    send(b"[" * 60000)
    send(b'{"t":[],"s":[]}')
    send(b"NaN")
    send(b"1" * 60000)
    send(b"\xff\xfe")
    send(b'{"a":["object",[1],[5]]}')
    send(b'{"s":[' + b",".join(str(k * (2**61 - 1)).encode() for k in range(4)) + b"]}")
    os._exit(0)
