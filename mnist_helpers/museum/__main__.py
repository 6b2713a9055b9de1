"""List all exhibits: the symptom, whether it shows, whether the cure removes it, whether the check finds it."""

import sys

from mnist_helpers.museum import load, names


def verdict(exhibit, seed=0):
    """Run an exhibit broken and cured; return both runs and what is wrong with it, if anything."""
    broken, cured = exhibit.run(seed), exhibit.run(seed, cured=True)
    wrong = []
    if not broken.shows:
        wrong.append("the symptom does not show")
    if broken.complaint is None:
        wrong.append("the check does not find it")
    if cured.shows:
        wrong.append("the cure does not remove the symptom")
    if cured.complaint is not None:
        wrong.append("the check accuses the cured program")
    return broken, cured, ", ".join(wrong)


def main():
    num_wrong = 0
    for name in names():
        exhibit = load(name)
        broken, cured, wrong = verdict(exhibit)
        num_wrong += bool(wrong)
        print(f"{name}: {exhibit.title}")
        print(f"    symptom  {broken.line}")
        print(f"    check    {broken.complaint}")
        print(f"    cause    {exhibit.cause}")
        print(f"    cured    {cured.line}")
        print(f"    verdict  {wrong or 'symptom shows, check finds it, cure removes both'}")
    print(f"{len(names())} exhibits, {num_wrong} out of order")
    return num_wrong


if __name__ == "__main__":
    sys.exit(main())
