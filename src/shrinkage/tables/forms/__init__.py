"""Forms of input: what a network sees of the same columns, fitted on training rows alone and saved with the model."""

from shrinkage.tables.forms._bounded_form import BOUND, Bounded, levels_of
from shrinkage.tables.forms._form import FORMS, Form, StandardInputs, form_from, form_named, name_of
from shrinkage.tables.forms._piecewise_form import Piecewise

__all__ = [
    "BOUND",
    "FORMS",
    "Bounded",
    "Form",
    "Piecewise",
    "StandardInputs",
    "form_from",
    "form_named",
    "levels_of",
    "name_of",
]
