"""Contracts: what subscribers may rely on, in a form that machines read and check."""
