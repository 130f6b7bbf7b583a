# task: long/0
# right: fail
# what: answer while most of a long call is still to be sent, and take three CPU seconds for the next
import array, fcntl, os, struct, time
pack = struct.Struct(">16scdI").pack
def reply(token, value):
    os.write(3, pack(token, b"v", 0.0, len(value)) + value)
os.write(3, pack(bytes(16), b"l", 0.0, 0))
token = os.read(4, 28)[:16]
waiting = array.array("i", [0])
time.sleep(0.1)
while True:
    fcntl.ioctl(4, 0x541B, waiting)
    before = waiting[0]
    os.read(4, 65536)
    fcntl.ioctl(4, 0x541B, waiting)
    if waiting[0] == before - 65536:
        break
reply(token, b"3000000")
time.sleep(0.2)
rest = b""
os.set_blocking(4, False)
try:
    while True:
        rest += os.read(4, 1 << 20)
except BlockingIOError:
    pass
end = time.process_time() + 2.4
while time.process_time() < end:
    pass
# The token of the next call lies before what has been sent of the first one.
for part in (rest.strip(b"x"),):
    start = next((at for at in range(len(part) + 1) if len(part[at:]) <= 16), 0)
    reply(part[start:][:16], b"3")
os._exit(len(rest.strip(b"x")))
def size(text): pass
