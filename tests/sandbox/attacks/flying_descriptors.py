# task: minicode/0
# right: fail
# what: hold more descriptors than the limit, in messages that nobody receives
import os, socket
sent = 0
one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
try:
    while sent < 2000:
        pipes = [end for _ in range(10) for end in os.pipe()]
        socket.send_fds(one, [b"x"], pipes, socket.MSG_DONTWAIT)
        sent += len(pipes)
        for end in pipes:
            os.close(end)
except OSError:
    pass
def sum_of_two(a, b):
    return a + b if sent > 200 else 0
