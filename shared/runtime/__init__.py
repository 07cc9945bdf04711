"""Shell: what every service runs on. The one loop, the ports, and the order of effects that is the guarantee."""
