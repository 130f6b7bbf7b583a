# task: floats/0
# right: fail
# what: replies with the right token and arrays of impossible shapes, of one element, or of none
import os, struct, sys
pack = struct.Struct(">16scdI").pack
calls = []
def halves(numbers):
    calls.append(numbers)
    payload = [
        b'{"a":["float64",[-1,-1],[1.0]]}', b'{"a":["float64",[0,4611686018427387904],[]]}',
        b'[{"a":["bool",[],[2]]},{"a":["int8",[],[1.5]]}]',
    ][len(calls) % 3]
    token = sys._getframe(1).f_locals["channel"]._token
    os.write(3, pack(token, b"v", 0.0, len(payload)) + payload)
    return os._exit(0)
