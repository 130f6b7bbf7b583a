# task: minicode/1
# right: pass
# what: right answers after filling and freeing 200 MB while loading
block = bytearray(200 << 20)
block[::4096] = b"x" * len(block[::4096])
del block
def double(x):
    return x * 2
