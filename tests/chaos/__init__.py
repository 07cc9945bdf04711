"""`make chaos`: the whole system under load while everything dies, beside an oracle that shares none of its code."""
