# task: minicode/6
# right: fail
# what: a reply by reference to a page of a file, changed after it was announced, computing meanwhile
import os, struct, sys
fd = os.open("page", os.O_RDWR | os.O_CREAT)
def factorial(n):
    channel = sys._getframe(1).f_locals["channel"]
    data = struct.pack(">16scdI", channel._token, b"v", 0.0, 8) + b"       7"
    os.pwrite(fd, data, 0)
    os.sendfile(3, fd, 0, len(data))
    for _ in range(10): os.pwrite(fd, b"     120", 29)
    channel.put = lambda *a, **k: None
    return 0
