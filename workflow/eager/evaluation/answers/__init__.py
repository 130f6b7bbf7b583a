"""When an answer is right: boxes, letters, numbers, units, sets; see workflow/report/answers.md."""
