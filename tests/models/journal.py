"""What a Journal is: a list of records, and a list of what waits for them."""


class JournalModel:
    def __init__(self):
        self.records = []  # (lsn behind it, record), in order
        self.taken = 0  # how many were taken
        self.held = []  # (lsn, seq, reply, note)
        self.failed = False

    def take(self):
        out = self.records[self.taken :]
        self.taken = len(self.records)
        return [record for _, record in out]

    def release(self, durable_lsn):
        if self.failed:
            return []
        out = [row[1:] for row in self.held if row[0] <= durable_lsn]
        self.held = [row for row in self.held if row[0] > durable_lsn]
        return out
