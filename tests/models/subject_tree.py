"""What a SubjectTree is: for each subject the sequences that stand under it."""

from isthmus.base.subjects import covers


class SubjectTreeModel:
    def __init__(self):
        self.seqs: dict[bytes, list[int]] = {}

    def insert(self, subject, seq):
        self.seqs.setdefault(subject, []).append(seq)

    def discard(self, subject, seq):
        if subject not in self.seqs:
            return False
        self.seqs[subject].remove(seq)
        if not self.seqs[subject]:
            del self.seqs[subject]
        return True

    def matching(self, pattern, after=b""):
        text = pattern.decode("latin-1")
        return [
            subject
            for subject in sorted(self.seqs)
            if subject > after and covers(text, subject.decode("latin-1"))
        ]

    def totals(self, pattern):
        found = self.matching(pattern)
        return len(found), sum(len(self.seqs[subject]) for subject in found)
