"""Which Akte does a document belong to? Candidates by what is printed, scored together, explained and never corrected. Pure.

`forms` spells what people write in many ways as keys, `pages` finds such writing on a document, `index` knows which
Akten have which keys, `score` turns what agrees and disagrees into probabilities, `akte` proposes; `enclosure` says
which documents of a delivery belong to its first.
"""
