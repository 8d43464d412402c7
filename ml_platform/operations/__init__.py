"""What runs every day: predictions, monitoring, planning, alerts."""
