"""Pure: which gaps of a contact follow from what it holds, and what may only be suggested."""
