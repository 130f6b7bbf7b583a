# task: minicode/12
# right: fail
# what: right counts in mappings that are no dict, or in a dict that only claims to have them
import collections, types
class Claims(dict):
    def __init__(self, right): self.right = right
    def __len__(self): return len(self.right)
    def __eq__(self, other): return True
    def __iter__(self): return iter(self.right)
    def __missing__(self, key): return self.right[key]
    def items(self): return self.right.items()
    def keys(self): return self.right.keys()
    def copy(self): return self.right
calls = []
def letter_counts(text):
    calls.append(text)
    right = dict(collections.Counter(filter(str.isalpha, text.lower())))
    kinds = [collections.UserDict, types.MappingProxyType, collections.ChainMap, Claims]
    return kinds[-len(calls) % 4](right)
