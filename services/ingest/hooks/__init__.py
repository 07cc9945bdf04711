"""Hooks: vendors and forms at the door. What each is answered, so that none gives up on us and none learns anything."""
