"""The ledger: hash-chained lines, and their anchors."""
