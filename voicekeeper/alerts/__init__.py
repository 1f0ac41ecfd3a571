"""How people are reached: messages through Apprise, and the heartbeat."""
