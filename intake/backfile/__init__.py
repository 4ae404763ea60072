"""The back-file: old files digitised by the thousand, from the delivered disk to the balance that must be zero.

`layout` (pure) says which files of a folder are one unit and what index and path tell of it; `taking` lists a folder and takes
it in bit by bit; `balance` compares what came with what should have come; `people` is what persons decide.
"""
