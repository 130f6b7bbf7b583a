# task: minicode/7
# right: pass
# what: right lists with blanks and line breaks between the numbers
import sys
codec = sys.modules["eager.sandbox.guest.codec"]
old = codec.encode
codec.encode = lambda value, *a: old(value, *a).replace(b",", b" ,\n\t ")
def sorted_unique(numbers): return sorted(set(numbers))
