"""All SQL of the house: `core` (connections, transactions, compare-and-set) and one module per group of tables.

Every function takes the transaction (`Tx`) when it writes and a connection when it reads; none opens its own.
"""
