# task: minicode/0
# right: fail
# what: say early that the module is loaded, take the first call from the pipe, and compute at leisure
import os, struct, time
pack = struct.Struct(">16scdI").pack
os.write(3, pack(bytes(16), b"l", 0.0, 0))
while True:
    call = os.read(4, 65536)
    end = time.process_time() + 3
    while time.process_time() < end:
        pass
    a, b = eval(call[28:])
    value = str(a + b).encode()
    os.write(3, pack(call[:16], b"v", 0.0, len(value)) + value)
