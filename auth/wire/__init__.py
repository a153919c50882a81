"""The RFCs as text, both ways: what stands in header fields and what they mean. Knows no Flask and no key."""
