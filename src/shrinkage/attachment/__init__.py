"""Rules on a live torch optimizer: which parameters they pull, when in a step, and how they are saved and resumed."""

from shrinkage.attachment._attach import attach
from shrinkage.attachment._attachment import Attachment
from shrinkage.attachment._hooks import handles_of as attachments_of
from shrinkage.attachment._wrappers import refuse_valueless, stepping_optimizer
from shrinkage.attachment.readings._log import anchors_of, shrinks_now
from shrinkage.attachment.readings._own_decay import OwnDecay, own_decay
from shrinkage.attachment.readings._parameter_table import ParameterRow, ParameterTable
from shrinkage.networks import ROLES, Place, Role, places_of

__all__ = [
    "ROLES",
    "Attachment",
    "OwnDecay",
    "ParameterRow",
    "ParameterTable",
    "Place",
    "Role",
    "anchors_of",
    "attach",
    "attachments_of",
    "own_decay",
    "places_of",
    "refuse_valueless",
    "shrinks_now",
    "stepping_optimizer",
]
