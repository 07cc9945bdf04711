"""Reconcile: identities recomputed over whole components, and the population they are judged by renewed."""
