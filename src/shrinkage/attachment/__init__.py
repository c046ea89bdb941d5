"""Rules on a live torch optimizer: which parameters they pull, when in a step, and how they are saved and resumed."""

from shrinkage.attachment._attach import attach
from shrinkage.attachment._attachment import Attachment
from shrinkage.attachment._parameter_table import ParameterRow, ParameterTable
from shrinkage.networks import ROLES, Place, Role, places_of

__all__ = ["ROLES", "Attachment", "ParameterRow", "ParameterTable", "Place", "Role", "attach", "places_of"]
