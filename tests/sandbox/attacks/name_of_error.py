# task: minicode/0
# right: fail
# what: raise an exception whose type has no name
class Nameless(type):
    @property
    def __name__(cls):
        raise ValueError
class Error(BaseException, metaclass=Nameless):
    pass
def sum_of_two(a, b):
    raise Error
