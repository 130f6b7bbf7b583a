# task: minicode/0
# right: fail
# what: a promise of the right answer that nobody waits for
class sum_of_two:
    def __init__(self, a, b): self.right = a + b
    def __await__(self): return iter([self.right])
    def __call__(self): return self.right
    def __eq__(self, other): return other == self.right
    def __int__(self): return self.right
    __hash__ = __index__ = __int__
    def __getattr__(self, name): return getattr(self.right, name)
