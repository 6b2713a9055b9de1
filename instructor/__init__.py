"""For instructors: release exercise sheets, grade a class in a sandbox, give feedback. See the instructor guide."""
