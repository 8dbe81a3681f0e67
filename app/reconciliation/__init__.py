"""Reconciliation: every accepted order is stored, waiting, dead or discarded, or else it is told to be missing."""

from app.reconciliation.reconciler import Reconciler, Reconciliation
from app.reconciliation.records import Missing, Records

__all__ = ["Missing", "Reconciler", "Reconciliation", "Records"]
