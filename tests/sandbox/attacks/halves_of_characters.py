# task: minicode/5
# right: fail
# what: texts that differ by halves of characters, marks that cannot be seen, or only in form
calls = []
def reverse_words(text):
    calls.append(text)
    right = " ".join(reversed(text.split()))
    return [right + "\udc80", "\ufeff" + right, right.encode(), right + "\0", [*right]][len(calls) % 5]
