"""Advice for a sweep that somebody else ran: which range can act, which winner is noise; plain numbers, no torch."""

from shrinkage.sweeps._convert import convert
from shrinkage.sweeps._range_ends import Ends, ends_of_shrinks
from shrinkage.sweeps._range_words import acting_words, good_words
from shrinkage.sweeps._rescale import rescale
from shrinkage.sweeps._sweep_choice import SweepChoice, choose
from shrinkage.sweeps._sweep_ties import Judged, judge_settings
from shrinkage.sweeps._transfer import Transfer, transfer
from shrinkage.sweeps._useful_range import UsefulRange, useful_range

__all__ = [
    "Ends",
    "Judged",
    "SweepChoice",
    "Transfer",
    "UsefulRange",
    "acting_words",
    "choose",
    "convert",
    "ends_of_shrinks",
    "good_words",
    "judge_settings",
    "rescale",
    "transfer",
    "useful_range",
]
