# task: minicode/12
# right: pass
# what: a right answer in a subclass of dict
import collections
def letter_counts(text):
    return collections.Counter(one for one in text.lower() if one.isalpha())
