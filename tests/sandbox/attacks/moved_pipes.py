# task: minicode/0
# right: pass
# what: right replies through a copy of the pipe that was sent to itself in a message
import array, os, socket
one, two = socket.socketpair()
one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [3]))])
_, ancillary, _, _ = two.recvmsg(1, 64)
got = array.array("i"); got.frombytes(ancillary[0][2])
os.close(3); os.dup2(got[0], 3); os.close(got[0])
def sum_of_two(a, b): return a + b
