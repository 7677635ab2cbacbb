"""What people answered to alerts: who took one up, who found it useful or noise, and who is asked if nobody answers."""
