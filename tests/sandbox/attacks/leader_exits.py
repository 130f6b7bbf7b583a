# task: minicode/0
# right: fail
# what: the first thread ends itself, another takes the calls and three CPU seconds for each
import ctypes, io, os, struct, threading, time
pack = struct.Struct(">16scdI").pack
def serve():
    while True:
        call = os.read(4, 65536)
        end = time.process_time() + 3
        while time.process_time() < end:
            pass
        value = str(sum(eval(call[28:]))).encode()
        os.write(3, pack(call[:16], b"v", 0.0, len(value)) + value)
os.write(3, pack(bytes(16), b"l", 0.0, 0))
threading.Thread(target=serve).start()
ctypes.CDLL(None).syscall(60, 0)
