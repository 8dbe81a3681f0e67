"""Reconciliation: every accepted order is stored, waiting, dead or discarded, or else it is missing."""

from app.reconciliation.reconciler import Reconciler
from app.reconciliation.reconciliation import Missing, Reconciliation
from app.reconciliation.records import Records

__all__ = ["Missing", "Reconciler", "Reconciliation", "Records"]
